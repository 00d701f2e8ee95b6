import { sql } from 'kysely'
import type { IssuerRefusal } from '../domain/issuer-refusal.ts'
import type { PlatformTokenFault } from '../domain/platform-token.ts'
import type { Database, DatabaseTransaction } from './database.ts'

export interface NotedRefusal extends IssuerRefusal {
  readonly id: string
  readonly realmId: string
  readonly issuerId: string
}

/** Adds refusals, and deletes older ones beyond the limit. Those of issuers that are gone are left out. */
export async function insertIssuerRefusals(
  trx: DatabaseTransaction,
  noted: readonly NotedRefusal[],
  limit: number,
): Promise<void> {
  const column = <K extends keyof NotedRefusal>(name: K) => noted.map((one) => one[name] ?? null)
  await sql`
    insert into issuer_refusals (realm_id, issuer_id, id, refused_at, reason, subject, client_id, address)
    select n.* from unnest(
      ${column('realmId')}::bigint[], ${column('issuerId')}::text[], ${column('id')}::text[],
      ${column('at')}::timestamptz[], ${column('reason')}::text[], ${column('subject')}::text[],
      ${column('clientId')}::text[], ${column('address')}::text[]
    ) as n(realm_id, issuer_id, id, refused_at, reason, subject, client_id, address)
    join trusted_issuers t on t.realm_id = n.realm_id and t.id = n.issuer_id
    -- Always in the same order, so that two nodes wait for each other rather than deadlock.
    order by n.realm_id, n.issuer_id, n.id
    on conflict do nothing
  `.execute(trx)
  const issuers = [...new Map(noted.map((one) => [`${one.realmId} ${one.issuerId}`, one])).values()]
  await sql`
    delete from issuer_refusals r using (
      select o.realm_id, o.issuer_id, o.id from unnest(
        ${issuers.map(({ realmId }) => realmId)}::bigint[], ${issuers.map(({ issuerId }) => issuerId)}::text[]
      ) as i(realm_id, issuer_id)
      cross join lateral (
        select realm_id, issuer_id, id from issuer_refusals
        where realm_id = i.realm_id and issuer_id = i.issuer_id
        order by refused_at desc, id offset ${limit}
        for update skip locked
      ) o
    ) old
    where r.realm_id = old.realm_id and r.issuer_id = old.issuer_id and r.id = old.id
  `.execute(trx)
}

/** The newest first. */
export async function listIssuerRefusals(
  db: Database,
  realmId: string,
  issuerId: string,
  limit: number,
): Promise<IssuerRefusal[]> {
  const { rows } = await sql<{
    refused_at: Date
    reason: string
    subject: string | null
    client_id: string | null
    address: string
  }>`
    select refused_at, reason, subject, client_id, address from issuer_refusals
    where realm_id = ${realmId} and issuer_id = ${issuerId}
    order by refused_at desc, id limit ${limit}
  `.execute(db)
  return rows.map((row) => ({
    at: row.refused_at,
    reason: row.reason as PlatformTokenFault,
    subject: row.subject ?? undefined,
    clientId: row.client_id ?? undefined,
    address: row.address,
  }))
}
