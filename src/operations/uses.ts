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

/** Written at once, so that no statement takes long. */
const BATCH = 10_000

export function useOperations({ db, clock }: Pick<Dependencies, 'db' | 'clock'>): UseOperations {
  let remembered = new Map<string, Use>()

  return {
    noteUse(use) {
      if (remembered.size >= CAPACITY) return
      // To the minute: one write a minute is enough for an account, however busy.
      const at = new Date(Math.floor(clock().getTime() / 60_000) * 60_000)
      remembered.set(`${use.realmId} ${use.clientId} ${use.secretId}`, { ...use, at })
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
