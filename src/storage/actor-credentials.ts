import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

export interface TokenLookup {
  readonly realm: string
  readonly clientId: string
  readonly kid: string
  readonly jti: string
}

/** What decides about an access token at this moment. */
export interface TokenAccount {
  readonly roles: readonly string[]
  readonly disabled: boolean
  readonly statusIndex: number
  readonly keyPublished: boolean
  readonly revoked: boolean
}

/**
 * Holds accounts until the transaction ends: a change by one shares it with other changes by it, a change of one
 * excludes them. Advisory, for the rows themselves are locked in another order. Comes first in a transaction.
 */
export async function lockActors(
  trx: DatabaseTransaction,
  acting: string | undefined,
  changed: string | undefined,
): Promise<void> {
  const locks = [
    ...(changed === undefined ? [] : [{ name: changed, lock: 'pg_advisory_xact_lock' }]),
    ...(acting === undefined || acting === changed
      ? []
      : [{ name: acting, lock: 'pg_advisory_xact_lock_shared' }]),
  ]
  // In one order for all, so that no two wait for each other.
  locks.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, lock } of locks)
    await sql`select ${sql.raw(lock)}(hashtextextended(${`account ${name}`}, 0))`.execute(trx)
}

/** `undefined`: the account is gone, or its realm. */
export async function findTokenAccount(
  db: Database,
  { realm, clientId, kid, jti }: TokenLookup,
): Promise<TokenAccount | undefined> {
  const { rows } = await sql<TokenAccount>`
    select a.roles, a.disabled_at is not null as disabled, a.status_index as "statusIndex",
      exists (select from signing_keys k where k.realm_id = r.id and k.kid = ${kid}) as "keyPublished",
      exists (select from revoked_tokens t where t.realm_id = r.id and t.jti = ${jti}) as revoked
    from realms r join service_accounts a on a.realm_id = r.id and a.client_id = ${clientId}
    where r.name = ${realm}
  `.execute(db)
  return rows[0]
}
