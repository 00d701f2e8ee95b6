import { LRUCache } from 'lru-cache'
import { reasonOf } from '../../storage/database.ts'
import { type DueRealm, listRealmsDueForRotation } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** Gives each realm that is due its turn: those that fail come again later and later, and keep no other waiting. */
export interface DueRealms {
  /** Names of the next ones. */
  next(): Promise<string[]>
  worked(name: string): void
  /** Logs the first of several failures. */
  failed(name: string, error: unknown): void
}

interface Failure {
  readonly delay: number
  readonly notBefore: number
}

/** Realms seen to in one go, and pages of realms that are looked at to find them. */
const BATCH = 100
const MAX_PAGES = 10

/** Failing realms remembered at most; of more, the oldest are tried again at once. */
const MAX_FAILURES = 10_000

/** The second failure costs a wait, which doubles with each one more. */
const FIRST_DELAY = 2000
const MAX_DELAY = 300_000

const FIRST: DueRealm = { name: '', dueAt: '-infinity' }

export function createDueRealms({ db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>): DueRealms {
  const failures = new LRUCache<string, Failure>({ max: MAX_FAILURES })
  let after = FIRST

  function mayTry(name: string): boolean {
    const failure = failures.get(name)
    if (!failure) return true
    const wait = failure.notBefore - clock().getTime()
    // A clock that was set back must not make it wait for longer.
    return wait <= 0 || wait > failure.delay
  }

  return {
    async next() {
      const names: string[] = []
      for (let page = 0; page < MAX_PAGES && names.length < BATCH; page++) {
        const realms = await listRealmsDueForRotation(db, clock(), after, BATCH)
        names.push(...realms.map(({ name }) => name).filter(mayTry))
        // After the last one it begins anew, with those that have become due since.
        after = realms.length < BATCH ? FIRST : (realms.at(-1) as DueRealm)
        if (after === FIRST) break
      }
      return names
    },

    worked(name) {
      if (failures.delete(name)) log(`keys of realm ${name} are rotated again`)
    },

    failed(name, error) {
      const before = failures.get(name)
      if (!before)
        log(`keys of realm ${name} cannot be rotated (${reasonOf(error)}); it is tried again less often`)
      const delay = before ? Math.min(MAX_DELAY, Math.max(FIRST_DELAY, 2 * before.delay)) : 0
      failures.set(name, { delay, notBefore: clock().getTime() + delay })
    },
  }
}
