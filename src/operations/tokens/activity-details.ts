import { startOf } from '../../domain/activity.ts'
import {
  addOrigins,
  addRefusalCounts,
  type NotedOrigin,
  type NotedRefusal,
} from '../../storage/activity-details.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import type { CountedHour } from './counted-hours.ts'
import { MAX_ORIGINS, type Origin, shownUserAgent } from './origins.ts'
import { writeUnheld } from './realm-batches.ts'

/** Accounts that wait for a database that is away. Beyond it the oldest are forgotten. */
const MAX_WAITING = 50_000

/** Accounts per statement. */
const BATCH = 500

const UNHELD = {
  realmOf: ({ realmId }: CountedHour) => realmId,
  async write(trx: DatabaseTransaction, batch: readonly CountedHour[]): Promise<void> {
    await addRefusalCounts(trx, batch.flatMap(refusalsOf))
    await addOrigins(trx, batch.flatMap(originsOf), MAX_ORIGINS)
  },
}

/** Writes where counted requests came from and why they were refused: apart, so that no count waits for it. */
export function activityDetails(db: Database) {
  let waiting: CountedHour[] = []
  return {
    add(counted: readonly CountedHour[]): void {
      const detailed = counted.filter(({ count }) => count.origins || count.refusals)
      waiting = [...waiting, ...detailed].slice(-MAX_WAITING)
    },

    /** What fails is written later. */
    async write(): Promise<void> {
      for (let left = waiting.length; left > 0; left -= BATCH) {
        const held = await writeUnheld(db, waiting.slice(0, BATCH), UNHELD)
        waiting = [...waiting.slice(BATCH), ...held]
      }
    },
  }
}

function refusalsOf({ realmId, clientId, startsAt, count }: CountedHour): NotedRefusal[] {
  const day = startOf('day', startsAt)
  const reasons = [...(count.refusals?.reasons ?? [])]
  return reasons.map(([reason, times]) => ({ realmId, clientId, startsAt: day, reason, count: times }))
}

function originsOf({ realmId, clientId, startsAt, count }: CountedHour): NotedOrigin[] {
  const noted = (list: readonly Origin[], outcome: NotedOrigin['outcome']): NotedOrigin[] =>
    list.map(({ address, userAgent }) => ({
      realmId,
      clientId,
      outcome,
      address,
      userAgent: shownUserAgent(userAgent),
      at: startsAt,
    }))
  return [...noted(count.origins ?? [], 'issued'), ...noted(count.refusals?.origins ?? [], 'refused')]
}
