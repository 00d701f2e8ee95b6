import { sql } from 'kysely'
import type { PublishedKey } from '../domain/key-source.ts'
import type { Database } from './database.ts'

/** Stored state of a source of keys. */
export interface FetchedKeysRecord {
  /** `undefined`: no fetch has succeeded yet. */
  readonly document:
    | {
        readonly keys: readonly PublishedKey[]
        readonly skipped: readonly string[]
        readonly fetchedAt: Date
        readonly freshUntil: Date
      }
    | undefined
  readonly attemptedAt: Date
  /** Whether the last attempt has ended, well or not. */
  readonly isEnded: boolean
  readonly failedSince: Date | undefined
  /** Why the last attempt failed. */
  readonly fault: string | undefined
}

/** A source of keys of a realm. */
export interface SourceId {
  readonly realmId: string
  readonly source: string
}

interface Row {
  keys: PublishedKey[] | null
  skipped: string[]
  fetched_at: Date | null
  fresh_until: Date | null
  attempted_at: Date
  is_ended: boolean
  failed_since: Date | null
  fault: string | null
}

export async function findFetchedKeys(
  db: Database,
  { realmId, source }: SourceId,
): Promise<FetchedKeysRecord | undefined> {
  const { rows } = await sql<Row>`
    select keys, skipped, fetched_at, fresh_until, attempted_at, failed_since, fault,
      coalesce(ended_at >= attempted_at, false) as is_ended
    from fetched_keys where realm_id = ${realmId} and source = ${source}
  `.execute(db)
  return rows[0] && toRecord(rows[0])
}

/** Takes the next attempt for this node, unless another one took it after `notSince`. Returns whether it has it. */
export async function claimKeyFetch(
  db: Database,
  { realmId, source }: SourceId,
  now: Date,
  notSince: Date,
): Promise<boolean> {
  const { rows } = await sql`
    insert into fetched_keys as known (realm_id, source, attempted_at)
    select id, ${source}, ${now} from realms where id = ${realmId}
    on conflict (realm_id, source) do update set attempted_at = excluded.attempted_at
    where known.attempted_at <= ${notSince}
    returning source
  `.execute(db)
  return rows.length > 0
}

export interface NewDocument {
  readonly keys: readonly PublishedKey[]
  readonly skipped: readonly string[]
  readonly freshUntil: Date
}

/** Returns since when earlier attempts had failed. */
export async function saveFetchedKeys(
  db: Database,
  { realmId, source }: SourceId,
  { keys, skipped, freshUntil }: NewDocument,
  now: Date,
): Promise<Date | undefined> {
  const { rows } = await sql<{ failed_since: Date | null }>`
    update fetched_keys as k
    set keys = ${JSON.stringify(keys)}, skipped = ${JSON.stringify(skipped)}, fetched_at = ${now},
      fresh_until = ${freshUntil}, ended_at = greatest(${now}::timestamptz, k.attempted_at), failed_since = null, fault = null
    from fetched_keys before
    where k.realm_id = ${realmId} and k.source = ${source}
      and before.realm_id = k.realm_id and before.source = k.source
    returning before.failed_since
  `.execute(db)
  return rows[0]?.failed_since ?? undefined
}

/** Returns whether it is the first failure after a success. */
export async function saveKeyFetchFailure(
  db: Database,
  { realmId, source }: SourceId,
  fault: string,
  now: Date,
): Promise<boolean> {
  const { rows } = await sql<{ is_first: boolean }>`
    update fetched_keys
    set ended_at = greatest(${now}::timestamptz, attempted_at), failed_since = coalesce(failed_since, ${now}), fault = ${fault}
    where realm_id = ${realmId} and source = ${source}
    returning failed_since = ${now} as is_first
  `.execute(db)
  return rows[0]?.is_first ?? false
}

/** Rows that no token has needed for long. Returns how many there were, `limit` at most. */
export async function deleteFetchedKeysUnusedSince(
  db: Database,
  since: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from fetched_keys where (realm_id, source) in (
      select realm_id, source from fetched_keys
      where attempted_at < ${since} order by attempted_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}

export interface KeyFetchFailures {
  readonly count: number
  /** When the first of these fetches began to fail. */
  readonly since: Date | undefined
  /** Until when the oldest of the keys in use were fresh. */
  readonly freshUntil: Date | undefined
}

/** Sources in use whose fetches fail. */
export async function measureKeyFetchFailures(db: Database, usedSince: Date): Promise<KeyFetchFailures> {
  const { rows } = await sql<{ count: number; since: Date | null; fresh_until: Date | null }>`
    select count(*)::int as count, min(failed_since) as since, min(fresh_until) as fresh_until
    from fetched_keys where failed_since is not null and attempted_at > ${usedSince}
  `.execute(db)
  const [row] = rows
  return {
    count: row?.count ?? 0,
    since: row?.since ?? undefined,
    freshUntil: row?.fresh_until ?? undefined,
  }
}

function toRecord(row: Row): FetchedKeysRecord {
  const { keys, fetched_at: fetchedAt, fresh_until: freshUntil } = row
  return {
    document:
      keys && fetchedAt && freshUntil ? { keys, skipped: row.skipped, fetchedAt, freshUntil } : undefined,
    attemptedAt: row.attempted_at,
    isEnded: row.is_ended,
    failedSince: row.failed_since ?? undefined,
    fault: row.fault ?? undefined,
  }
}
