import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

/** The last use of a secret, a key or a workload identity. */
export interface Use {
  readonly realmId: string
  readonly clientId: string
  /** Of a key its thumbprint; of a workload identity its id. */
  readonly secretId: string
  readonly at: Date
  readonly address: string
  readonly scope: string
}

/** Records last uses in one statement. Ignores unknown accounts and uses older than the recorded one. */
export async function updateLastUses(db: Database, uses: readonly Use[]): Promise<void> {
  const column = <K extends keyof Use>(name: K) => uses.map((use) => use[name])
  await sql`
    insert into last_uses as noted (realm_id, client_id, secret_id, used_at, address, scope)
    select u.* from unnest(
      ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('secretId')}::text[],
      ${column('at')}::timestamptz[], ${column('address')}::text[], ${column('scope')}::text[]
    ) as u(realm_id, client_id, secret_id, used_at, address, scope)
    where exists (
      select from service_accounts a where a.realm_id = u.realm_id and a.client_id = u.client_id
    )
    -- Always in the same order, so that two nodes that write wait for each other rather than deadlock.
    order by u.realm_id, u.client_id, u.secret_id
    on conflict (realm_id, client_id, secret_id) do update
    set used_at = excluded.used_at, address = excluded.address, scope = excluded.scope
    where noted.used_at < excluded.used_at
  `.execute(db)
}

/** For a deleted secret, key or workload identity, only the last use of its account is recorded. */
export async function deleteUsesOfGoneCredentials(
  trx: DatabaseTransaction,
  realmId: string,
  clientIds: readonly string[],
): Promise<void> {
  await sql`
    delete from last_uses u
    where u.realm_id = ${realmId} and u.client_id = any(${[...clientIds]}::text[])
      and not exists (
        select from client_secrets s
        where s.realm_id = u.realm_id and s.client_id = u.client_id and s.id = u.secret_id
      )
      and not exists (
        select from client_keys k
        where k.realm_id = u.realm_id and k.client_id = u.client_id and k.thumbprint = u.secret_id
      )
      and not exists (
        select from workload_identities w
        where w.realm_id = u.realm_id and w.client_id = u.client_id and w.id = u.secret_id
      )
      and exists (
        select from last_uses later
        where later.realm_id = u.realm_id and later.client_id = u.client_id
          and (later.used_at, later.secret_id) > (u.used_at, u.secret_id)
      )
  `.execute(trx)
}
