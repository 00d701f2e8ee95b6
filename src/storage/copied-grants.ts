import { sql } from 'kysely'
import type { Grant, GrantKey } from '../domain/grant.ts'
import type { Database } from './database.ts'

/** Two accounts of a realm. */
export interface FromTo {
  readonly from: string
  readonly to: string
}

/** Grants that one account has and the other has not, in order of type, id and role. */
export async function listGrantsToCopy(
  db: Database,
  realmId: string,
  { from, to }: FromTo,
  limit: number,
): Promise<Grant[]> {
  const { rows } = await sql<Grant>`
    select g.role, g.type, g.id, r.name, g.created_at as "createdAt"
    from grants g join protected_resources r using (realm_id, type, id)
    where g.realm_id = ${realmId}::bigint and g.client_id = ${from} and not exists (
      select from grants h where h.realm_id = g.realm_id and h.client_id = ${to}
        and h.type = g.type and h.id = g.id and h.role = g.role
    )
    order by g.type, g.id, g.role limit ${limit}
  `.execute(db)
  return rows
}

export async function listGrantKeys(db: Database, realmId: string, clientId: string): Promise<GrantKey[]> {
  return db
    .selectFrom('grants')
    .select(['type', 'id', 'role'])
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .orderBy('type')
    .orderBy('id')
    .orderBy('role')
    .execute()
}
