import { sql } from 'kysely'
import type { Clock } from '../domain/clock.ts'
import type {
  AttemptCounters,
  AttemptGrant,
  AttemptLimit,
  FailedAttemptsPolicy,
} from '../domain/failed-attempts.ts'
import type { Database } from './database.ts'

/** How long the attempts of a dead node stay undecided. */
const UNDECIDED_MILLISECONDS = 15_000

/**
 * Attempt counters that all nodes share, under exact keys.
 * @param fallback counts while the database is away
 */
export function createSharedCounters(
  db: Database,
  clock: Clock,
  policy: FailedAttemptsPolicy,
  fallback: AttemptCounters,
): AttemptCounters {
  const now = () => clock().getTime()
  return {
    async reserve(limits) {
      try {
        return await reserve(db, limits, now, policy)
      } catch {
        return fallback.reserve(limits)
      }
    },
  }
}

interface Reserved {
  readonly key: string
  readonly granted: boolean
  readonly held_until: string
}

async function reserve(
  db: Database,
  limits: readonly AttemptLimit[],
  now: () => number,
  policy: FailedAttemptsPolicy,
): Promise<AttemptGrant> {
  const at = now()
  const rows = await take(db, limits, at, policy)
  const granted = limits.filter(({ key }) => rows.some((row) => row.key === key && row.granted))
  if (granted.length === limits.length)
    return {
      outcome: 'granted',
      // An attempt whose outcome cannot be stored stays undecided until its lease ends.
      settle: (failed) => settle(db, granted, { failed, now: now(), policy }).catch(() => {}),
    }
  await settle(db, granted, { failed: false, now: at, policy })
  const [longest] = rows
    .map(({ key, held_until }) => ({ key, milliseconds: Number(held_until) - at }))
    .sort((a, b) => b.milliseconds - a.milliseconds)
  if (!longest || longest.milliseconds <= 0) return { outcome: 'busy' }
  return { outcome: 'held', key: longest.key, seconds: Math.ceil(longest.milliseconds / 1000) }
}

/** Each row decides for itself. Rows are locked in a fixed order, so that nodes wait for each other instead of deadlocking. */
async function take(
  db: Database,
  limits: readonly AttemptLimit[],
  now: number,
  { windowSeconds }: FailedAttemptsPolicy,
): Promise<readonly Reserved[]> {
  const failures = sql`case when c.expires_at > ${now}::bigint then c.failures else 0 end`
  const undecided = sql`case when c.undecided_until > ${now}::bigint then c.undecided else 0 end`
  const free = sql`c.held_until <= ${now}::bigint
    and ${failures} + ${undecided} < greatest(excluded.attempt_limit, ${failures} + 1)`
  const { rows } = await sql<Reserved>`
    insert into attempt_counters as c
      (key, failures, undecided, undecided_until, held_until, expires_at, attempt_limit, granted)
    select a.key, 0, 1, ${now + UNDECIDED_MILLISECONDS}::bigint, 0, ${now + windowSeconds * 1000}::bigint, a.attempt_limit, true
    from unnest(${limits.map(({ key }) => key)}::text[], ${limits.map(({ limit }) => limit)}::int[])
      as a(key, attempt_limit)
    order by a.key
    on conflict (key) do update set
      failures = ${failures},
      undecided = ${undecided} + (${free})::int,
      undecided_until = case when ${free} then excluded.undecided_until else c.undecided_until end,
      expires_at = greatest(c.expires_at, excluded.expires_at * (c.expires_at <= ${now}::bigint)::int),
      attempt_limit = excluded.attempt_limit,
      granted = ${free}
    returning key, granted, held_until
  `.execute(db)
  return rows
}

async function settle(
  db: Database,
  limits: readonly AttemptLimit[],
  {
    failed,
    now,
    policy: { windowSeconds, maxBackOffSeconds },
  }: { failed: boolean; now: number; policy: FailedAttemptsPolicy },
): Promise<void> {
  if (limits.length === 0) return
  const keys = limits.map(({ key }) => key)
  const backOff = sql`least(2 ^ least(c.failures + 1 - c.attempt_limit, 30), ${maxBackOffSeconds}) * 1000`
  const failure = sql`, failures = c.failures + 1, expires_at = ${now + windowSeconds * 1000}::bigint,
    held_until = case when c.failures + 1 >= c.attempt_limit then ${now}::bigint + (${backOff})::bigint else 0 end`
  await sql`
    with mine as (select key from attempt_counters where key = any(${keys}::text[]) order by key for update)
    update attempt_counters c set undecided = greatest(c.undecided - 1, 0) ${failed ? failure : sql``}
    from mine where mine.key = c.key
  `.execute(db)
}

/** Deletes at most `limit` rows. Returns how many it deleted. */
export async function deleteExpiredAttemptCounters(db: Database, now: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from attempt_counters where key in (
      select key from attempt_counters where expires_at < ${now.getTime()}::bigint limit ${limit} for update skip locked)
  `.execute(db)
  return Number(numAffectedRows)
}
