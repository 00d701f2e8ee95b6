import { inTransaction } from '../storage/database.ts'
import { type Use, updateLastUses } from '../storage/uses.ts'
import type { Dependencies } from './dependencies.ts'

export interface UseOperations {
  /** Remembers that a secret was used now, to be written later: the road of a token request writes nothing. */
  noteUse(use: Omit<Use, 'at'>): void
  /** Writes what is remembered. What cannot be written is remembered further. */
  writeUses(): Promise<void>
}

/** Secrets remembered between two writes; of more, the use is noted at their next one. */
const CAPACITY = 500_000

/** Written at once, so that neither the statement nor what it takes to say it holds up requests. */
const BATCH = 1000

export function useOperations({ db, clock }: Pick<Dependencies, 'db' | 'clock'>): UseOperations {
  let remembered = new Map<string, Use>()
  let minute = new Date(0)

  return {
    noteUse(use) {
      if (remembered.size >= CAPACITY) return
      // To the minute: one write a minute is enough for an account, however busy.
      const now = clock().getTime()
      if (now < minute.getTime() || now >= minute.getTime() + 60_000)
        minute = new Date(Math.floor(now / 60_000) * 60_000)
      const { realmId, clientId, secretId, address, scope } = use
      const at = minute
      remembered.set(`${realmId} ${clientId} ${secretId}`, {
        realmId,
        clientId,
        secretId,
        at,
        address,
        scope,
      })
    },

    async writeUses() {
      const uses = remembered
      remembered = new Map()
      try {
        const all = [...uses.values()]
        for (let start = 0; start < all.length; start += BATCH) {
          const batch = all.slice(start, start + BATCH)
          await inTransaction(db, (trx) => updateLastUses(trx, batch))
        }
      } catch (error) {
        remembered = new Map([...uses, ...remembered])
        throw error
      }
    },
  }
}
