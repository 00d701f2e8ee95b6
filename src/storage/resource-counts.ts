import { sql } from 'kysely'
import type { ResourceKey } from '../domain/protected-resource.ts'
import type { Database } from './database.ts'

export interface ResourceCounts extends ResourceKey {
  /** Grants on it. */
  readonly grants: number
  /** Accounts that have them. */
  readonly accounts: number
  /** Resources that are in it, if it is a group. */
  readonly members: number
}

/** What hangs on these resources, each found by an index. */
export async function countOnResources(
  db: Database,
  realmId: string,
  keys: readonly ResourceKey[],
): Promise<ResourceCounts[]> {
  const { rows } = await sql<ResourceCounts>`
    select k.type, k.id, g.grants, g.accounts, m.members
    from unnest(${keys.map(({ type }) => type)}::text[], ${keys.map(({ id }) => id)}::text[])
      with ordinality as k(type, id, n)
    cross join lateral (
      select count(*)::int as grants, count(distinct client_id)::int as accounts from grants
      where realm_id = ${realmId}::bigint and type = k.type and id = k.id
    ) g
    cross join lateral (
      select count(*)::int as members from protected_resource_groups
      where realm_id = ${realmId}::bigint and group_type = k.type and group_id = k.id
    ) m
    order by n
  `.execute(db)
  return rows
}
