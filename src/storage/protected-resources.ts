import { type RawBuilder, type Selectable, sql } from 'kysely'
import type { ProtectedResource, ResourceKey } from '../domain/protected-resource.ts'
import { nameKey } from '../domain/service-account.ts'
import { executeCancellable } from './cancellable-query.ts'
import type { Database } from './database.ts'
import { isAfter } from './positions.ts'
import type { ProtectedResourceRow } from './tables.ts'

const COLUMNS = ['type', 'id', 'name', 'created_at', 'updated_at'] as const

type Row = Pick<Selectable<ProtectedResourceRow>, (typeof COLUMNS)[number]> & { groups: string[] }

// Groups that contain the resource, sorted.
const groups = sql<string[]>`array(
  select g.group_id from protected_resource_groups g
  where g.realm_id = protected_resources.realm_id and g.type = protected_resources.type
    and g.id = protected_resources.id order by g.group_id
)`.as('groups')

export interface ProtectedResourceFilter {
  /** End of the previous page; `undefined`: start at the beginning. */
  readonly after: ResourceKey | undefined
  readonly limit: number
  readonly type?: string | undefined
}

export interface ProtectedResourceSearch extends ProtectedResourceFilter {
  /** Part of the name or the id; case-insensitive. */
  readonly contains: string
  /** Resources to read at most. */
  readonly rows: number
  /** Only what is in this group. */
  readonly group?: ResourceKey | undefined
  readonly signal?: AbortSignal | undefined
}

/** One page, ordered by type and id. */
export async function listProtectedResources(
  db: Database,
  realmId: string,
  { after, limit, type }: ProtectedResourceFilter,
): Promise<ProtectedResource[]> {
  let query = db
    .selectFrom('protected_resources')
    .select(COLUMNS)
    .select(groups)
    .where('realm_id', '=', realmId)
  if (type !== undefined) query = query.where('type', '=', type)
  if (after) query = query.where(isAfter('protected_resources', after, type))
  const rows = await query.orderBy('type').orderBy('id').limit(limit).execute()
  return rows.map(toProtectedResource)
}

/** Resources that match among the next `rows`, and the last key read (`undefined` at the end of the list). */
export async function searchProtectedResources(
  db: Database,
  realmId: string,
  { limit, contains, signal, ...read }: ProtectedResourceSearch,
): Promise<{ readonly hits: readonly ProtectedResource[]; readonly end: ResourceKey | undefined }> {
  const found = await executeCancellable(
    db,
    sql<Row & { is_end: boolean }>`
      select * from (with scanned as materialized (
        ${rowsToSearch(realmId, read)}
      ), hits as (
        select * from scanned as protected_resources where position(${nameKey(contains)} in search_key) > 0
        order by type, id limit ${limit}
      )
      select type, id, name, created_at, updated_at, ${groups}, false as is_end from hits as protected_resources
      union all
      (select type, id, name, created_at, updated_at, '{}', true from scanned
        where (select count(*) from scanned) = ${read.rows} order by type desc, id desc limit 1)) found
      order by is_end, type, id
    `,
    signal,
  )
  return {
    hits: found.filter((row) => !row.is_end).map(toProtectedResource),
    end: found.find((row) => row.is_end),
  }
}

/** The next rows in order of type and id, of the realm or of one group: each has an index in that order. */
function rowsToSearch(
  realmId: string,
  { after, rows, type, group }: Pick<ProtectedResourceSearch, 'after' | 'rows' | 'type' | 'group'>,
): RawBuilder<unknown> {
  const members = sql`select m.realm_id, m.type, m.id from protected_resource_groups m`
  const all = sql`select m.realm_id, m.type, m.id, m.name, m.search_key, m.created_at, m.updated_at from protected_resources m`
  const next = sql`${group ? members : all}
    where m.realm_id = ${realmId}::bigint ${after ? sql`and ${isAfter('m', after, type)}` : sql``}
      ${group ? sql`and m.group_type = ${group.type} and m.group_id = ${group.id}` : sql``}
      ${type === undefined ? sql`` : sql`and m.type = ${type}`}
    order by m.type, m.id limit ${rows}`
  // One look at the index for each member: PostgreSQL could merge both tables, and read resources of other groups.
  return group
    ? sql`select m.*, r.name, r.search_key, r.created_at, r.updated_at from (${next}) m cross join lateral (
        select * from protected_resources p where p.realm_id = m.realm_id and p.type = m.type and p.id = m.id limit 1) r
      order by m.type, m.id`
    : next
}

export async function findProtectedResource(
  db: Database,
  realmId: string,
  { type, id }: ResourceKey,
): Promise<ProtectedResource | undefined> {
  const row = await db
    .selectFrom('protected_resources')
    .select(COLUMNS)
    .select(groups)
    .where('realm_id', '=', realmId)
    .where('type', '=', type)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toProtectedResource(row)
}

/** Returns which of the named resources exist. */
export async function findProtectedResources(
  db: Database,
  realmId: string,
  keys: readonly ResourceKey[],
): Promise<ProtectedResource[]> {
  const { rows } = await sql<Row>`
    select type, id, name, created_at, updated_at, ${groups} from ${rowsByKey(realmId, keys)} as protected_resources
  `.execute(db)
  return rows.map(toProtectedResource)
}

/**
 * Rows of the keys, in the order of all locks. Each is found by the index: as a join, hundreds of keys would have the
 * whole table read, again and again while a file fills it.
 * @param lock ends with the transaction
 */
export function rowsByKey(realmId: string, keys: readonly ResourceKey[], lock = sql``): RawBuilder<unknown> {
  return sql`(
    select r.* from (
      select distinct u.type collate "C" as type, u.id collate "C" as id
      from unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) as u(type, id)
      order by 1, 2
    ) k cross join lateral (
      select * from protected_resources p
      where p.realm_id = ${realmId}::bigint and p.type = k.type and p.id = k.id offset 0 ${lock}
    ) r
  )`
}

/** Returns whether the realm has any resource of the type. */
export async function isResourceTypeUsed(db: Database, realmId: string, type: string): Promise<boolean> {
  const row = await db
    .selectFrom('protected_resources')
    .select('id')
    .where('realm_id', '=', realmId)
    .where('type', '=', type)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function toProtectedResource(row: Row): ProtectedResource {
  return {
    type: row.type,
    id: row.id,
    name: row.name,
    groups: row.groups,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
