import { inTransaction } from '../../storage/database.ts'
import { type Use, updateLastUses } from '../../storage/uses.ts'
import type { Dependencies } from '../dependencies.ts'

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

/** What many uses have in common. */
type Circumstances = Pick<Use, 'at' | 'address' | 'scope'>

export function useOperations({ db, clock }: Pick<Dependencies, 'db' | 'clock'>): UseOperations {
  let remembered = new Map<string, Circumstances>()
  let known = new Map<string, Circumstances>()
  let minute = new Date(0)

  /** One object for all of a minute that are alike: tens of thousands are remembered when many accounts come by. */
  function circumstancesOf(address: string, scope: string): Circumstances {
    // To the minute: one write a minute is enough for an account, however busy.
    const now = clock().getTime()
    if (now < minute.getTime() || now >= minute.getTime() + 60_000) {
      minute = new Date(Math.floor(now / 60_000) * 60_000)
      known = new Map()
    }
    const key = `${address} ${scope}`
    const found = known.get(key) ?? { at: minute, address, scope }
    known.set(key, found)
    return found
  }

  return {
    noteUse({ realmId, clientId, secretId, address, scope }) {
      if (remembered.size >= CAPACITY) return
      // Joined into a string of its own: another would hold on to what its parts were cut out of, the whole request.
      remembered.set([realmId, secretId, clientId].join(' '), circumstancesOf(address, scope))
    },

    async writeUses() {
      const uses = remembered
      remembered = new Map()
      known = new Map()
      try {
        const entries = uses.entries()
        for (;;) {
          const batch = entries.take(BATCH).map(toUse).toArray()
          if (batch.length === 0) return
          await inTransaction(db, (trx) => updateLastUses(trx, batch))
        }
      } catch (error) {
        remembered = new Map([...uses, ...remembered])
        throw error
      }
    },
  }
}

/** Of a key as above: only the last part may have spaces in it. */
function toUse([key, circumstances]: readonly [string, Circumstances]): Use {
  const [realmId = '', secretId = '', ...clientId] = key.split(' ')
  return { realmId, secretId, clientId: clientId.join(' '), ...circumstances }
}
