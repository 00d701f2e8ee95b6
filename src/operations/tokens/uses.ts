import type { DatabaseTransaction } from '../../storage/database.ts'
import { type Use, updateLastUses } from '../../storage/uses.ts'
import type { Dependencies } from '../dependencies.ts'
import { writeUnheld } from './realm-batches.ts'

/** Maximum of secrets remembered between two writes; beyond it, a use is recorded at the next request. */
const CAPACITY = 500_000

/** Maximum of uses of this minute that are known to be written. Beyond it, they are written again, which changes nothing. */
const WRITTEN_CAPACITY = 50_000

/** Rows per write: small enough not to delay requests. */
const BATCH = 1000

const UNHELD = {
  realmOf: ([key]: Entry) => key.slice(0, key.indexOf(' ')),
  write: (trx: DatabaseTransaction, batch: readonly Entry[]) => updateLastUses(trx, batch.map(toUse)),
}

type Entry = readonly [string, Circumstances]

/** Values that many uses share. */
type Circumstances = Pick<Use, 'at' | 'address' | 'scope'>

export type Uses = ReturnType<typeof uses>

export function uses({ db, clock }: Pick<Dependencies, 'db' | 'clock'>) {
  let remembered = new Map<string, Circumstances>()
  /** Uses being written, or left by a failed write. */
  let unwritten = new Map<string, Circumstances>()
  let known = new Map<string, Circumstances>()
  let minute = new Date(0)
  /** Keys whose use in this minute is written: busy accounts come back many times. */
  let written = new Set<string>()

  /** Shares one object among all equal uses of a minute, since tens of thousands may be remembered. */
  function circumstancesOf(address: string, scope: string): Circumstances {
    // Rounded to the minute: one write a minute is enough for a busy account.
    const now = clock().getTime()
    if (now < minute.getTime() || now >= minute.getTime() + 60_000) {
      minute = new Date(Math.floor(now / 60_000) * 60_000)
      known = new Map()
      written = new Set()
    }
    const key = `${address} ${scope}`
    const found = known.get(key) ?? { at: minute, address, scope }
    known.set(key, found)
    return found
  }

  return {
    /** Remembers that a secret was used now. Written later: token requests write nothing. */
    note({ realmId, clientId, secretId, address, scope }: Omit<Use, 'at'>): void {
      if (remembered.size + unwritten.size >= CAPACITY) return
      const circumstances = circumstancesOf(address, scope)
      // Builds a flat string: a sliced one would keep the whole request in memory.
      const key = [realmId, secretId, clientId].join(' ')
      if (!written.has(key)) remembered.set(key, circumstances)
    },

    /** Writes remembered uses and returns how many. Keeps those whose write failed. */
    async write(): Promise<number> {
      let count = 0
      // First the rest of a failed write, then the new uses.
      for (let turn = 0; turn < 2; turn++) {
        if (unwritten.size === 0) {
          unwritten = remembered
          remembered = new Map()
          known = new Map()
        }
        count += await writeAll(unwritten)
      }
      return count
    },
  }

  /** Removes written uses batch by batch, so that a failure copies nothing. */
  async function writeAll(uses: Map<string, Circumstances>): Promise<number> {
    const entries = uses.entries()
    let count = 0
    for (;;) {
      const batch = entries.take(BATCH).toArray()
      if (batch.length === 0) return count
      const held = await writeUnheld(db, batch, UNHELD)
      for (const [key, { at }] of batch) {
        uses.delete(key)
        if (at === minute && written.size < WRITTEN_CAPACITY) written.add(key)
      }
      for (const [key, circumstances] of held) {
        written.delete(key)
        if (!remembered.has(key)) remembered.set(key, circumstances)
      }
      count += batch.length - held.length
    }
  }
}

/** Reads a key as above: none of its parts has a space in it. */
function toUse([key, circumstances]: Entry): Use {
  const [realmId = '', secretId = '', clientId = ''] = key.split(' ')
  return { realmId, secretId, clientId, ...circumstances }
}
