import { inTransaction, isStatementTimeout, type TransactionOptions } from '../../storage/database.ts'
import { type Use, updateLastUses } from '../../storage/uses.ts'
import type { Dependencies } from '../dependencies.ts'

/** Secrets remembered between two writes; of more, the use is noted at their next one. */
const CAPACITY = 500_000

/** Written at once, so that neither the statement nor what it takes to say it holds up requests. */
const BATCH = 1000

/** Realms one by one, after a batch of many had to wait for one of them. */
const IN_TURN = { statementMilliseconds: 300 }

type Entry = readonly [string, Circumstances]

/** What many uses have in common. */
type Circumstances = Pick<Use, 'at' | 'address' | 'scope'>

export type Uses = ReturnType<typeof uses>

export function uses({ db, clock }: Pick<Dependencies, 'db' | 'clock'>) {
  let remembered = new Map<string, Circumstances>()
  /** What is being written, or what a write that failed has left. */
  let unwritten = new Map<string, Circumstances>()
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
    /** Remembers that a secret was used now, to be written later: the road of a token request writes nothing. */
    note({ realmId, clientId, secretId, address, scope }: Omit<Use, 'at'>): void {
      if (remembered.size + unwritten.size >= CAPACITY) return
      // Joined into a string of its own: another would hold on to what its parts were cut out of, the whole request.
      remembered.set([realmId, secretId, clientId].join(' '), circumstancesOf(address, scope))
    },

    /** Writes what is remembered, and returns how many. What cannot be written is remembered further. */
    async write(): Promise<number> {
      let written = 0
      // First what a failed write has left, then what has come since.
      for (let turn = 0; turn < 2; turn++) {
        if (unwritten.size === 0) {
          unwritten = remembered
          remembered = new Map()
          known = new Map()
        }
        written += await writeAll(unwritten)
      }
      return written
    },
  }

  /** Takes what is written out of the map, a batch at a time, so that a failure costs no copy of the rest. */
  async function writeAll(uses: Map<string, Circumstances>): Promise<number> {
    const entries = uses.entries()
    let written = 0
    for (;;) {
      const batch = entries.take(BATCH).toArray()
      if (batch.length === 0) return written
      const held = await writeBatch(batch)
      for (const [key] of batch) uses.delete(key)
      for (const [key, circumstances] of held) if (!remembered.has(key)) remembered.set(key, circumstances)
      written += batch.length - held.length
    }
  }

  /** Returns those of realms that another session holds, as one that deletes a large realm does. */
  async function writeBatch(
    batch: readonly Entry[],
    options?: TransactionOptions,
  ): Promise<readonly Entry[]> {
    try {
      await inTransaction(db, (trx) => updateLastUses(trx, batch.map(toUse)), options)
      return []
    } catch (error) {
      if (!isStatementTimeout(error)) throw error
      const realms = Map.groupBy(batch, ([key]) => key.slice(0, key.indexOf(' ')))
      if (realms.size === 1) return batch
      const held: Entry[] = []
      for (const entries of realms.values()) held.push(...(await writeBatch(entries, IN_TURN)))
      return held
    }
  }
}

/** Of a key as above: none of its parts has a space in it. */
function toUse([key, circumstances]: Entry): Use {
  const [realmId = '', secretId = '', clientId = ''] = key.split(' ')
  return { realmId, secretId, clientId, ...circumstances }
}
