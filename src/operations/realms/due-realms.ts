import { reasonOf } from '../../storage/database.ts'
import { type DueRealm, listRealmsDueForRotation } from '../../storage/realm-rotation.ts'
import { boundedCache } from '../bounded-cache.ts'
import type { Dependencies } from '../dependencies.ts'

/** Gives each due realm its turn. Failing realms back off and delay no other realm. */
export interface DueRealms {
  /** Names of the next realms. */
  next(): Promise<string[]>
  worked(name: string): void
  /** Logs the first of several failures. */
  failed(name: string, error: unknown): void
}

interface Failure {
  readonly delay: number
  readonly notBefore: number
}

/** Realms handled per run, and pages read to find them. */
const BATCH = 100
const MAX_PAGES = 10

/** Maximum of failing realms remembered; beyond it, the oldest are retried at once. */
const MAX_FAILURES = 10_000

/** Back-off from the second failure on; doubles with each further one. */
const FIRST_DELAY = 2000
const MAX_DELAY = 300_000

const FIRST: DueRealm = { name: '', dueAt: '-infinity' }

export function createDueRealms({ db, clock, log }: Pick<Dependencies, 'db' | 'clock' | 'log'>): DueRealms {
  const failures = boundedCache<Failure>(MAX_FAILURES)
  let after = FIRST

  function mayTry(name: string): boolean {
    const failure = failures.get(name)
    if (!failure) return true
    const wait = failure.notBefore - clock().getTime()
    // A clock that was set back must not lengthen the back-off.
    return wait <= 0 || wait > failure.delay
  }

  return {
    async next() {
      const names: string[] = []
      for (let page = 0; page < MAX_PAGES && names.length < BATCH; page++) {
        const realms = await listRealmsDueForRotation(db, clock(), after, BATCH)
        names.push(...realms.map(({ name }) => name).filter(mayTry))
        // After the last realm, starts over with those that are due by now.
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
        log(
          `keys of realm ${name} cannot be rotated (${reasonOf(error)}); the server will try again, less often`,
        )
      const delay = before ? Math.min(MAX_DELAY, Math.max(FIRST_DELAY, 2 * before.delay)) : 0
      failures.set(name, { delay, notBefore: clock().getTime() + delay })
    },
  }
}
