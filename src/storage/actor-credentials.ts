import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

export interface TokenLookup {
  readonly realm: string
  readonly clientId: string
  readonly kid: string
  readonly jti: string
}

/** What decides whether an access token is valid now. */
export interface TokenAccount {
  readonly roles: readonly string[]
  readonly disabled: boolean
  readonly statusIndex: number
  readonly keyPublished: boolean
  readonly revoked: boolean
}

/**
 * Locks accounts until the transaction ends. Changes made by an account share its lock; a change of the account itself
 * excludes them. Advisory locks, since rows are locked in another order. Must come first in a transaction.
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
  // One order for all callers prevents deadlocks.
  locks.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, lock } of locks)
    await sql`select ${sql.raw(lock)}(hashtextextended(${`account ${name}`}, 0))`.execute(trx)
}

/** `undefined`: the account or its realm was deleted. */
export async function findTokenAccount(
  db: Database,
  { realm, clientId, kid, jti }: TokenLookup,
  now: Date,
): Promise<TokenAccount | undefined> {
  const { rows } = await sql<TokenAccount>`
    select a.roles, (a.disabled_at is not null or coalesce(a.expires_at <= ${now}, false)) as disabled, a.status_index as "statusIndex",
      exists (select from signing_keys k where k.realm_id = r.id and k.kid = ${kid}) as "keyPublished",
      exists (select from revoked_tokens t where t.realm_id = r.id and t.jti = ${jti}) as revoked
    from realms r join service_accounts a on a.realm_id = r.id and a.client_id = ${clientId}
    where r.name = ${realm}
  `.execute(db)
  return rows[0]
}
