import { sql } from 'kysely'
import {
  groupTypeOf,
  type ResourceEntry,
  type ResourceKey,
  searchKeyOf,
} from '../domain/protected-resource.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import { rowsByKey } from './protected-resources.ts'

/**
 * Locks rows in one order until the transaction ends, and returns those that exist.
 * @param strength `key share`: others cannot delete them; `update`: others cannot lock them at all
 */
export async function lockProtectedResources(
  trx: DatabaseTransaction,
  realmId: string,
  keys: readonly ResourceKey[],
  strength: 'key share' | 'update',
): Promise<ResourceKey[]> {
  const { rows } = await sql<ResourceKey>`
    select type, id from ${rowsByKey(realmId, keys, sql`for ${sql.raw(strength)}`)} as locked
  `.execute(trx)
  return rows
}

/** Counts the resources of a realm, up to `limit`. */
export async function countProtectedResources(db: Database, realmId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from (
      select from protected_resources where realm_id = ${realmId}::bigint limit ${limit}
    ) counted
  `.execute(db)
  return rows[0]?.n ?? 0
}

/** Lets one transaction at a time create resources of the realm, so that none counts before another commits. */
export async function takeResourceTurn(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`resources of ${realmId}`}, 0))`.execute(trx)
}

/** Creates or updates resources, each type and id at most once; their groups must exist. Returns the created ones. */
export async function upsertProtectedResources(
  trx: DatabaseTransaction,
  realmId: string,
  entries: readonly ResourceEntry[],
  now: Date,
): Promise<ResourceKey[]> {
  const types = entries.map(({ type }) => type)
  const ids = entries.map(({ id }) => id)
  // xmax is set where the row existed before and was locked.
  const { rows } = await sql<ResourceKey & { created: boolean }>`
    insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
    select ${realmId}, type, id, name, search_key, ${now}, ${now} from unnest(
      ${types}::text[], ${ids}::text[], ${entries.map(({ name }) => name)}::text[],
      ${entries.map(searchKeyOf)}::text[]
    ) as e(type, id, name, search_key)
    order by type collate "C", id collate "C"
    on conflict (realm_id, type, id) do update
      set name = excluded.name, search_key = excluded.search_key, updated_at = excluded.updated_at
    returning type, id, xmax = 0 as created
  `.execute(trx)
  // A new one is in no group yet.
  await deleteMemberships(
    trx,
    realmId,
    rows.filter(({ created }) => !created),
  )
  const members = entries.flatMap(({ type, id, groups }) => groups.map((group) => ({ type, id, group })))
  if (members.length === 0) return rows.filter(({ created }) => created)
  await sql`
    insert into protected_resource_groups (realm_id, type, id, group_type, group_id)
    select ${realmId}, * from unnest(
      ${members.map(({ type }) => type)}::text[], ${members.map(({ id }) => id)}::text[],
      ${members.map(({ type }) => groupTypeOf(type))}::text[], ${members.map(({ group }) => group)}::text[]
    )
  `.execute(trx)
  return rows.filter(({ created }) => created)
}

async function deleteMemberships(
  trx: DatabaseTransaction,
  realmId: string,
  keys: readonly ResourceKey[],
): Promise<void> {
  if (keys.length === 0) return
  await sql`
    delete from protected_resource_groups where ctid = any(array(
      select g.ctid from unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[]) as k(type, id)
      cross join lateral (
        select ctid from protected_resource_groups
        where realm_id = ${realmId}::bigint and type = k.type and id = k.id offset 0
      ) g
    ))
  `.execute(trx)
}

/** Deletes a resource with its group memberships, its members' memberships, and its grants. */
export async function deleteProtectedResource(
  trx: DatabaseTransaction,
  realmId: string,
  { type, id }: ResourceKey,
): Promise<void> {
  await trx
    .deleteFrom('protected_resources')
    .where('realm_id', '=', realmId)
    .where('type', '=', type)
    .where('id', '=', id)
    .execute()
}
