import { sql } from 'kysely'
import pg from 'pg'
import { QUERY_MILLISECONDS } from './connection-settings.ts'
import { APPLICATION_NAME, type Database, poolOf } from './database.ts'

/** Part of the trail that one query reads: whole partitions. */
export interface PartitionRange {
  /** `undefined`: from the oldest event. */
  readonly from: Date | undefined
  /** Exclusive; `undefined`: to the newest event. */
  readonly to: Date | undefined
}

/** Partitions that the first and the second query of a page read; a third reads the others. */
const FIRST = 2
const SECOND = 10

/** Pauses of others are no longer than this. */
const LOCK_MILLISECONDS = 300

/** A lock that was not to be had in time, a deadlock, an event written into the default partition meanwhile. */
const HELD_UP = ['55P03', '40P01', '23514']

/** PostgreSQL ends the transaction of a node that is silent for this long. */
const IDLE_MILLISECONDS = 60_000

/** Ranges of a page of the trail, in the order in which they are read. */
export async function rangesOfPage(
  db: Database,
  { from, to, after }: PageBounds,
  now: Date,
): Promise<PartitionRange[]> {
  const { rows } = await sql<{ start: number }>`
    select extract(epoch from lower_bound)::float8 * 1000 as start
    from audit_events_partitions() where lower_bound is not null`.execute(db)
  const ends = [to?.getTime() ?? Infinity, after ? after.occurredAt.getTime() + 1 : Infinity]
  return rangesOf(
    rows.map(({ start }) => start),
    { from: from?.getTime(), to: Math.min(...ends), now: now.getTime() },
  )
}

interface PageBounds {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly after: { readonly occurredAt: Date } | undefined
}

/**
 * Divides the time of a page into ranges, newest first, so that a page of new events plans and locks few partitions.
 * @param now partitions that begin later belong to the first range
 */
export function rangesOf(
  starts: readonly number[],
  {
    from = -Infinity,
    to = Infinity,
    now,
  }: { from?: number | undefined; to?: number | undefined; now: number },
): PartitionRange[] {
  const oldest = Math.max(-Infinity, ...starts.filter((start) => start <= from))
  const newest = Math.min(Infinity, ...starts.filter((start) => start >= to))
  const inside = starts
    .filter((start) => start > oldest && start < Math.min(newest, now))
    .sort((a, b) => b - a)
  const cuts = [inside[FIRST - 1], inside[SECOND - 1]].filter((cut) => cut !== undefined)
  const edges = [newest, ...cuts, oldest]
  const date = (time: number | undefined) => (Number.isFinite(time) ? new Date(time as number) : undefined)
  return edges.slice(1).map((edge, i) => ({ from: date(edge), to: date(edges[i]) }))
}

export interface AuditPartition {
  readonly name: string
  /** `undefined`: of the default partition, or without a limit. */
  readonly from: Date | undefined
  readonly to: Date | undefined
  readonly isDefault: boolean
}

/** The oldest first, the default partition last. */
export async function listPartitions(db: Database): Promise<AuditPartition[]> {
  const { rows } = await sql<{ name: string; from: Date | null; to: Date | null; is_default: boolean }>`
    select name, case when isfinite(lower_bound) then lower_bound end as from,
      case when isfinite(upper_bound) then upper_bound end as to, lower_bound is null as is_default
    from audit_events_partitions() order by lower_bound nulls last`.execute(db)
  return rows.map(({ name, from, to, is_default: isDefault }) => ({
    name,
    from: from ?? undefined,
    to: to ?? undefined,
    isDefault,
  }))
}

/**
 * One step of what makes and keeps the partitions, in a transaction of its own. It may take long, but holds up others for a
 * moment only. Returns whether there is more to do; `undefined`: others use the trail at this moment.
 * @throws MissingRightError
 */
export async function keepPartitions(db: Database, at: Date): Promise<boolean | undefined> {
  return inOwnTransaction(db, async (client) => {
    const { rows } = await client.query<{ more: boolean }>(
      'select audit_events_keep_partitions($1) as more',
      [at],
    )
    return rows[0]?.more === true
  })
}

/** The role of this process has not the right to do this. */
export class MissingRightError extends Error {
  override readonly name = 'MissingRightError'
}

/**
 * A transaction in a connection without the time limit of those of the pool. It waits for a lock no longer than others may
 * be held up behind it. `undefined`: it did not get one.
 * @throws MissingRightError
 */
export async function inOwnTransaction<T>(
  db: Database,
  work: (client: pg.Client) => Promise<T>,
): Promise<T | undefined> {
  const client = new pg.Client({
    connectionString: poolOf(db).options.connectionString as string,
    application_name: APPLICATION_NAME,
    connectionTimeoutMillis: QUERY_MILLISECONDS,
    keepAlive: true,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('begin isolation level read committed')
    await client.query(
      `select set_config('statement_timeout', '0', true), set_config('lock_timeout', $1, true),
        set_config('idle_in_transaction_session_timeout', $2, true)`,
      [String(LOCK_MILLISECONDS), String(IDLE_MILLISECONDS)],
    )
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined
    if (code === '42501') throw new MissingRightError((error as Error).message, { cause: error })
    if (code === undefined || !HELD_UP.includes(code)) throw error
    return undefined
  } finally {
    await client.end().catch(() => {})
  }
}
