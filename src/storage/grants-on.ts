import { sql } from 'kysely'
import type { GrantKey } from '../domain/grant.ts'
import type { ResourceKey } from '../domain/protected-resource.ts'
import type { Database } from './database.ts'

/** Grants of an account on these resources. */
export async function listGrantsOn(
  db: Database,
  realmId: string,
  clientId: string,
  resources: readonly ResourceKey[],
): Promise<GrantKey[]> {
  const column = (name: keyof ResourceKey) => resources.map((resource) => resource[name])
  const { rows } = await sql<GrantKey>`
    select type, id, role from grants
    where realm_id = ${realmId} and client_id = ${clientId}
      and (type, id) in (select * from unnest(${column('type')}::text[], ${column('id')}::text[]))
    order by role
  `.execute(db)
  return rows
}
