import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

export interface RevokedToken {
  readonly realmId: string
  readonly clientId: string
  readonly jti: string
  readonly expiresAt: Date
}

/** Idempotent. Returns whether the token was not yet revoked; false where the account is gone, since its tokens are dead. */
export async function insertRevokedToken(
  trx: DatabaseTransaction,
  { realmId, clientId, jti, expiresAt }: RevokedToken,
): Promise<boolean> {
  const account = await trx
    .updateTable('service_accounts')
    .set({ revoked_tokens_until: sql`greatest(revoked_tokens_until, ${expiresAt}::timestamptz)` })
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .returning('client_id')
    .executeTakeFirst()
  if (!account) return false
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('revoked_tokens')
    .values({ realm_id: realmId, jti, expires_at: expiresAt })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

export interface RevokedTokenLookup {
  readonly realmId: string
  readonly jti: string
}

/** Returns for each token whether it is revoked. */
export async function areTokensRevoked(
  db: Database,
  lookups: readonly RevokedTokenLookup[],
): Promise<boolean[]> {
  const realmIds = lookups.map(({ realmId }) => realmId)
  const jtis = lookups.map(({ jti }) => jti)
  const { rows } = await sql<{ n: number }>`
    select l.n::int as n
    from unnest(${realmIds}::bigint[], ${jtis}::text[]) with ordinality as l(realm_id, jti, n)
    join revoked_tokens r on r.realm_id = l.realm_id and r.jti = l.jti
  `.execute(db)
  const revoked = new Set(rows.map(({ n }) => n))
  return lookups.map((_, index) => revoked.has(index + 1))
}

/** Returns how many it deleted. */
export async function deleteExpiredRevokedTokens(db: Database, by: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from revoked_tokens where (realm_id, jti) in (
      select realm_id, jti from revoked_tokens
      where expires_at < ${by} order by expires_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}
