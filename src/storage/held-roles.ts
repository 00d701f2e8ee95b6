import { sql } from 'kysely'
import type { AuthMethod } from '../domain/client-key.ts'
import type { Database } from './database.ts'

/** Returns whether any account holds the role, disabled ones included. */
export async function isRoleAssigned(db: Database, realmId: string, role: string): Promise<boolean> {
  const row = await db
    .selectFrom('service_accounts')
    .select('client_id')
    .where('realm_id', '=', realmId)
    .where(holdsRole(realmId, role))
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export interface RoleLookup {
  readonly realmId: string
  readonly role: string
  readonly now: Date
  /** Account to leave out. */
  readonly butFor?: string
}

/** Returns whether an enabled account with a valid secret or key holds the role. */
export async function isRoleHeld(
  db: Database,
  { realmId, role, now, butFor = '' }: RoleLookup,
): Promise<boolean> {
  const row = await db
    .selectFrom('service_accounts')
    .select('client_id')
    .where('realm_id', '=', realmId)
    .where('disabled_at', 'is', null)
    .where('client_id', '<>', butFor)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .where(holdsRole(realmId, role))
    .where(sql<boolean>`(${isCredentialValid('client_secrets', 'client_secret', now)}
      or ${isCredentialValid('client_keys', 'private_key_jwt', now)})`)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function isCredentialValid(table: 'client_secrets' | 'client_keys', method: AuthMethod, now: Date) {
  return sql`(${method} = any(auth_methods) and exists (select from ${sql.table(table)} c
    where c.realm_id = service_accounts.realm_id and c.client_id = service_accounts.client_id
      and (c.expires_at is null or c.expires_at > ${now})))`
}

/** Same expression as the index on realm and role. */
export function holdsRole(realmId: string, role: string) {
  return sql<boolean>`account_realm_roles(realm_id, roles) @> array[${`${realmId}/${role}`}::text]`
}
