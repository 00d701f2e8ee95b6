import { sql } from 'kysely'
import type { AccountUse } from '../domain/activity.ts'
import type { Database, DatabaseTransaction } from './database.ts'

/** The last use of a secret, a key or a workload identity. */
export interface Use {
  readonly realmId: string
  readonly clientId: string
  /** Id of a secret or workload identity, thumbprint of a key. */
  readonly secretId: string
  readonly at: Date
  readonly address: string
  readonly scope: string
}

/**
 * Records last uses in one statement. Ignores unknown accounts and uses older than the recorded one. "offset 0": each account is
 * looked up, and no table read whole, whatever the statistics say.
 */
export async function updateLastUses(db: Database, uses: readonly Use[]): Promise<void> {
  const column = <K extends keyof Use>(name: K) => uses.map((use) => use[name])
  await sql`
    insert into last_uses as noted (realm_id, client_id, secret_id, used_at, address, scope, used_month)
    select u.* from unnest(
      ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('secretId')}::text[],
      ${column('at')}::timestamptz[], ${column('address')}::text[], ${column('scope')}::text[],
      ${uses.map(({ at }) => monthOf(at))}::date[]
    ) as u(realm_id, client_id, secret_id, used_at, address, scope, used_month)
    where exists (
      select from service_accounts a where a.realm_id = u.realm_id and a.client_id = u.client_id
      offset 0
    )
    -- Always in the same order, so that two nodes that write wait for each other rather than deadlock.
    order by u.realm_id, u.client_id, u.secret_id
    on conflict (realm_id, client_id, secret_id) do update
    set used_at = excluded.used_at, address = excluded.address, scope = excluded.scope, used_month = excluded.used_month
    where noted.used_at < excluded.used_at
  `.execute(db)
}

/** First day of the month (UTC). */
export function monthOf(at: Date): string {
  return `${at.toISOString().slice(0, 7)}-01`
}

/** The last use of each credential of an account, the latest first. */
export async function listAccountUses(
  db: Database,
  { realmId, clientId, limit }: Pick<Use, 'realmId' | 'clientId'> & { readonly limit: number },
): Promise<AccountUse[]> {
  const { rows } = await sql<AccountUse>`
    select used_at as at, address, scope,
      case when s.id is not null then 'secret' when k.thumbprint is not null then 'key'
        when w.id is not null then 'identity' else 'gone' end as kind,
      coalesce('…' || s.last_four, nullif(k.name, ''), k.thumbprint, nullif(w.name, ''), w.id, '') as label
    from last_uses u
    left join client_secrets s on s.realm_id = u.realm_id and s.client_id = u.client_id and s.id = u.secret_id
    left join client_keys k on k.realm_id = u.realm_id and k.client_id = u.client_id and k.thumbprint = u.secret_id
    left join workload_identities w on w.realm_id = u.realm_id and w.client_id = u.client_id and w.id = u.secret_id
    where u.realm_id = ${realmId}::bigint and u.client_id = ${clientId}
    order by used_at desc, label limit ${limit}
  `.execute(db)
  return rows
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
