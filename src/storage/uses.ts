import { sql } from 'kysely'
import type { Database } from './database.ts'

/** The last use of a secret. */
export interface Use {
  readonly realmId: string
  readonly clientId: string
  readonly secretId: string
  readonly at: Date
  readonly address: string
  readonly scope: string
}

/** Notes uses on secrets and accounts in one statement; older ones than are noted already change nothing. */
export async function updateLastUses(db: Database, uses: readonly Use[]): Promise<void> {
  const column = <K extends keyof Use>(name: K) => uses.map((use) => use[name])
  await sql`
    with uses as (
      select * from unnest(
        ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('secretId')}::text[],
        ${column('at')}::timestamptz[], ${column('address')}::text[], ${column('scope')}::text[]
      ) as u(realm_id, client_id, secret_id, at, address, scope)
    ), noted as (
      update client_secrets s set last_used_at = u.at from uses u
      where s.realm_id = u.realm_id and s.client_id = u.client_id and s.id = u.secret_id
        and (s.last_used_at is null or s.last_used_at < u.at)
    )
    update service_accounts a set last_used_at = u.at, last_used_address = u.address, last_used_scope = u.scope
    from (select distinct on (realm_id, client_id) * from uses order by realm_id, client_id, at desc) u
    where a.realm_id = u.realm_id and a.client_id = u.client_id
      and (a.last_used_at is null or a.last_used_at < u.at)
  `.execute(db)
}
