import { type RawBuilder, sql } from 'kysely'
import { type LeakedSecret, MAX_OPEN_LEAKS, type OpenLeak } from '../domain/leaked-secret.ts'
import type { Database } from './database.ts'

/** The first place where it was found is kept; the audit trail has all of them. */
export async function insertLeakedSecret(db: Database, realmId: string, leak: LeakedSecret): Promise<void> {
  await db
    .insertInto('leaked_secrets')
    .values({
      realm_id: realmId,
      client_id: leak.clientId,
      secret_id: leak.secretId,
      found_at: leak.foundAt,
      url: leak.url ?? null,
      source: leak.source ?? null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

interface Row {
  readonly client_id: string
  readonly secret_id: string
  readonly url: string | null
  readonly source: string | null
  readonly found_at: Date
  readonly name: string
  readonly is_valid: boolean
}

/** Lists accounts that authenticate with a secret, where the leaked one is valid or no other one is without an end. */
export async function listOpenLeaks(
  db: Database,
  realmId: string,
  { clientId, now }: { readonly clientId: string | undefined; readonly now: Date },
): Promise<OpenLeak[]> {
  const { rows } = await sql<Row>`
    select l.client_id, l.secret_id, l.url, l.source, l.found_at, a.name, ${isValid(now)} as is_valid
    from leaked_secrets l join service_accounts a on a.realm_id = l.realm_id and a.client_id = l.client_id
    where l.realm_id = ${realmId}::bigint and 'client_secret' = any (a.auth_methods)
      ${clientId === undefined ? sql`` : sql`and l.client_id = ${clientId}`}
      and ${isLeakOpen(now)}
    order by found_at desc limit ${MAX_OPEN_LEAKS}
  `.execute(db)
  return rows.map((row) => ({
    clientId: row.client_id,
    secretId: row.secret_id,
    url: row.url ?? undefined,
    source: row.source ?? undefined,
    foundAt: row.found_at,
    name: row.name,
    isValid: row.is_valid,
  }))
}

/** Condition on a leak `l`: its secret is valid, or the account has no other one without an end. */
export function isLeakOpen(now: Date): RawBuilder<unknown> {
  return sql`(${isValid(now)} or not exists (select from client_secrets s where s.realm_id = l.realm_id
    and s.client_id = l.client_id and s.id <> l.secret_id and s.expires_at is null))`
}

function isValid(now: Date): RawBuilder<unknown> {
  return sql`exists (select from client_secrets s where s.realm_id = l.realm_id and s.client_id = l.client_id
    and s.id = l.secret_id and (s.expires_at is null or s.expires_at > ${now}))`
}
