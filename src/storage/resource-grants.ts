import { sql } from 'kysely'
import type { Grant, GrantKey, ResourceGrant, ResourceGrantKey } from '../domain/grant.ts'
import { groupTypeOf, type ResourceKey } from '../domain/protected-resource.ts'
import type { Database } from './database.ts'

/** A grant that is there, with the name of its resource. */
export async function findGrant(
  db: Database,
  realmId: string,
  clientId: string,
  { type, id, role }: GrantKey,
): Promise<Grant> {
  return db
    .selectFrom('grants as g')
    .innerJoin('protected_resources as r', (join) =>
      join.onRef('r.realm_id', '=', 'g.realm_id').onRef('r.type', '=', 'g.type').onRef('r.id', '=', 'g.id'),
    )
    .select(['g.role', 'g.type', 'g.id', 'r.name', 'g.created_at as createdAt'])
    .where('g.realm_id', '=', realmId)
    .where('g.client_id', '=', clientId)
    .where('g.type', '=', type)
    .where('g.id', '=', id)
    .where('g.role', '=', role)
    .executeTakeFirstOrThrow()
}

export interface ResourceGrantFilter {
  /** End of the previous page; `undefined`: start at the beginning. */
  readonly after: ResourceGrantKey | undefined
  readonly limit: number
  readonly role?: string | undefined
}

/** Grants on a resource and on the groups that it is in, in order of client_id, type, id and role: a page of each by index. */
export async function listResourceGrants(
  db: Database,
  realmId: string,
  { type, id, groups }: ResourceKey & { readonly groups: readonly string[] },
  { after, limit, role }: ResourceGrantFilter,
): Promise<ResourceGrant[]> {
  const types = [type, ...groups.map(() => groupTypeOf(type))]
  const ids = [id, ...groups]
  const ofRole = role === undefined ? sql`` : sql`and role = ${role}`
  // The first condition bounds the scan of the index, the second is exact.
  const from = after
    ? sql`and client_id >= ${after.clientId}
        and (client_id, type, id, role) > (${after.clientId}, ${after.type}, ${after.id}, ${after.role})`
    : sql``
  const { rows } = await sql<ResourceGrant>`
    select g.client_id as "clientId", a.name as "accountName", a.disabled_at is null as enabled,
      g.role, g.type, g.id, g.created_at as "createdAt"
    from (
      select found.* from unnest(${types}::text[], ${ids}::text[]) as place(type, id)
      cross join lateral (
        select * from grants where realm_id = ${realmId}::bigint and type = place.type and id = place.id ${ofRole} ${from}
        order by client_id, role limit ${limit}
      ) found
      order by found.client_id, found.type, found.id, found.role limit ${limit}
    ) g
    join service_accounts a on a.realm_id = g.realm_id and a.client_id = g.client_id
    order by g.client_id, g.type, g.id, g.role
  `.execute(db)
  return rows
}
