import { sql } from 'kysely'
import { STATUS_LIST_SIZE } from '../domain/status-list.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { RealmVersion } from './realms.ts'

/** Reserves an index in a realm's lists. Returns false where it is taken, or was freed too recently. */
export async function insertStatusIndex(
  trx: DatabaseTransaction,
  realmId: string,
  statusIndex: number,
): Promise<boolean> {
  const { rows } = await sql`
    with taken as (
      insert into status_indexes (realm_id, status_index) values (${realmId}, ${statusIndex})
      on conflict do nothing returning realm_id, status_index / ${sql.lit(STATUS_LIST_SIZE)} as list_id
    ), listed as (
      insert into status_lists (realm_id, id) select realm_id, list_id from taken on conflict do nothing
    )
    select from taken
  `.execute(trx)
  return rows.length > 0
}

/** Sets the bit of an index, which revokes the tokens that carry it. Locks the list until the transaction ends. */
export async function updateStatusIndexRetired(
  trx: DatabaseTransaction,
  realmId: string,
  statusIndex: number,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('status_indexes')
    .set({ retired_at: now })
    .where('realm_id', '=', realmId)
    .where('status_index', '=', statusIndex)
    .execute()
  await trx
    .updateTable('status_lists')
    .set((eb) => ({ version: eb('version', '+', '1') }))
    .where('realm_id', '=', realmId)
    .where('id', '=', Math.floor(statusIndex / STATUS_LIST_SIZE))
    .execute()
}

/** Reserves those that are free. In order, so that two that reserve the same wait for each other rather than deadlock. */
export async function insertStatusIndexes(
  trx: DatabaseTransaction,
  realmId: string,
  statusIndexes: readonly number[],
): Promise<number[]> {
  const { rows } = await sql<{ status_index: number }>`
    with taken as (
      insert into status_indexes (realm_id, status_index)
      select ${realmId}::bigint, n from unnest(${[...statusIndexes]}::int[]) as i(n) order by n
      on conflict do nothing returning status_index
    ), listed as (
      insert into status_lists (realm_id, id)
      select distinct ${realmId}::bigint, status_index / ${sql.lit(STATUS_LIST_SIZE)} from taken order by 2
      on conflict do nothing
    )
    select status_index from taken
  `.execute(trx)
  return rows.map(({ status_index }) => status_index)
}

/** Sets the bits of many indexes at once. Locks their lists until the transaction ends, always in the same order. */
export async function updateStatusIndexesRetired(
  trx: DatabaseTransaction,
  realmId: string,
  statusIndexes: readonly number[],
  now: Date,
): Promise<void> {
  await sql`
    update status_indexes set retired_at = ${now}
    where realm_id = ${realmId} and status_index = any(${[...statusIndexes]}::int[])
  `.execute(trx)
  const lists = [...new Set(statusIndexes.map((index) => Math.floor(index / STATUS_LIST_SIZE)))]
  await sql`
    with held as (
      select id from status_lists where realm_id = ${realmId} and id = any(${lists}::int[]) order by id for update
    )
    update status_lists s set version = version + 1 from held where s.realm_id = ${realmId} and s.id = held.id
  `.execute(trx)
}

export interface StatusListLookup {
  readonly realm: string
  readonly id: number
}

export interface StatusListVersion extends RealmVersion {
  /** `undefined`: no index of that list was ever reserved. */
  readonly version: string | undefined
}

/** Reads many lists, in the order given; `undefined` where the realm does not exist. */
export async function findStatusListVersions(
  db: Database,
  lookups: readonly StatusListLookup[],
): Promise<(StatusListVersion | undefined)[]> {
  const realms = lookups.map(({ realm }) => realm)
  const ids = lookups.map(({ id }) => id)
  const { rows } = await sql<{ n: number; realm_id: string; realm_version: string; version: string | null }>`
    select l.n::int as n, r.id as realm_id, r.version as realm_version, s.version
    from unnest(${realms}::text[], ${ids}::int[]) with ordinality as l(realm, id, n)
    cross join lateral (select id, version from realms where name = l.realm limit 1) r
    left join status_lists s on s.realm_id = r.id and s.id = l.id
  `.execute(db)
  const found = new Array<StatusListVersion | undefined>(lookups.length).fill(undefined)
  for (const { n, realm_id, realm_version, version } of rows)
    found[n - 1] = { realmId: realm_id, realmVersion: realm_version, version: version ?? undefined }
  return found
}

export interface StoredStatusList {
  readonly version: string
  /** Indexes whose bit is set. */
  readonly retired: readonly number[]
}

/** A list and its version, read in one statement. */
export async function readStatusList(
  db: Database,
  realmId: string,
  id: number,
  retiredSince: Date,
): Promise<StoredStatusList> {
  const { rows } = await sql<StoredStatusList>`
    select
      coalesce((select version from status_lists where realm_id = ${realmId} and id = ${id}), 0) as version,
      array(
        select status_index from status_indexes
        where realm_id = ${realmId}
          and status_index between ${id * STATUS_LIST_SIZE} and ${(id + 1) * STATUS_LIST_SIZE - 1}
          and retired_at > ${retiredSince}
      ) as retired
  `.execute(db)
  return rows[0] as StoredStatusList
}

/** Frees indexes that were retired before a time. Returns how many. */
export async function deleteStatusIndexesRetiredBefore(
  db: Database,
  before: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from status_indexes where (realm_id, status_index) in (
      select realm_id, status_index from status_indexes
      where retired_at < ${before} order by retired_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}
