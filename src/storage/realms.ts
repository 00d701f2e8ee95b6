import { sql } from 'kysely'
import { DELETED_REALM_PREFIX, isRealmName, type Realm, type RealmSettings } from '../domain/realm.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import { REALM_COLUMNS, toColumns, toRealm } from './realm-rows.ts'

/** `undefined`: a realm of that name exists. */
export async function insertRealm(
  trx: DatabaseTransaction,
  name: string,
  settings: RealmSettings,
  now: Date,
): Promise<Realm | undefined> {
  const row = await trx
    .insertInto('realms')
    .values({ name, ...toColumns(settings), created_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning(REALM_COLUMNS)
    .executeTakeFirst()
  return row && toRealm(row)
}

export async function findRealmByName(db: Database, name: string): Promise<Realm | undefined> {
  if (!isRealmName(name)) return undefined
  const row = await db.selectFrom('realms').select(REALM_COLUMNS).where('name', '=', name).executeTakeFirst()
  return row && toRealm(row)
}

/** Namespace of these advisory locks. */
const REALM_LOCKS = sql.lit(0x6d6d)

export async function findRealmById(db: Database, id: string): Promise<Realm | undefined> {
  const row = await db.selectFrom('realms').select(REALM_COLUMNS).where('id', '=', id).executeTakeFirst()
  return row && toRealm(row)
}

/** Locks the realm's row until the transaction ends. */
export async function lockRealmByName(trx: DatabaseTransaction, name: string): Promise<Realm | undefined> {
  if (!isRealmName(name)) return undefined
  // Advisory locks are fair, row locks are not: an exclusive waiter would starve while others share the row.
  await sql`select pg_advisory_xact_lock(${REALM_LOCKS}, hashtext(${name}))`.execute(trx)
  const row = await trx
    .selectFrom('realms')
    .select(REALM_COLUMNS)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst()
  return row && toRealm(row)
}

/** Prevents deletion of the realm, and changes that take the same lock, until the transaction ends. */
export async function shareRealmByName(trx: DatabaseTransaction, name: string): Promise<Realm | undefined> {
  if (!isRealmName(name)) return undefined
  await sql`select pg_advisory_xact_lock_shared(${REALM_LOCKS}, hashtext(${name}))`.execute(trx)
  const row = await trx
    .selectFrom('realms')
    .select(REALM_COLUMNS)
    .where('name', '=', name)
    .forKeyShare()
    .executeTakeFirst()
  return row && toRealm(row)
}

/** One page, ordered by name, that begins after a name. */
export async function listRealms(db: Database, after: string, limit: number): Promise<Realm[]> {
  const rows = await db
    .selectFrom('realms')
    .select(REALM_COLUMNS)
    .where('name', '>', after)
    .where('name', 'not like', `${DELETED_REALM_PREFIX}%`)
    .orderBy('name')
    .limit(limit)
    .execute()
  return rows.map(toRealm)
}

/** Id and version of the realm with this name. A realm that was deleted and created again has another id. */
export interface RealmVersion {
  readonly realmId: string
  readonly realmVersion: string
}

/** Existing realms among the named ones, by name. */
export async function findRealmVersions(
  db: Database,
  names: readonly string[],
): Promise<Map<string, RealmVersion>> {
  const rows = await db
    .selectFrom('realms')
    .select(['name', 'id', 'version'])
    .where('name', '=', sql<string>`any(${[...names]}::text[])`)
    .execute()
  return new Map(rows.map(({ name, id, version }) => [name, { realmId: id, realmVersion: version }]))
}

/** Increments the version, so that every cache of the settings reloads. */
export async function updateRealm(
  trx: DatabaseTransaction,
  realmId: string,
  settings: RealmSettings,
  jwksCachedUntil: Date | undefined,
): Promise<Realm> {
  const row = await trx
    .updateTable('realms')
    .set((eb) => ({
      ...toColumns(settings),
      jwks_cached_until: jwksCachedUntil ?? null,
      version: eb('version', '+', '1'),
    }))
    .where('id', '=', realmId)
    .returning(REALM_COLUMNS)
    .executeTakeFirstOrThrow()
  return toRealm(row)
}

/** Reserves a place for one more account; `undefined`: limit reached. Locks the realm's row. */
export async function updateRealmTakingPlace(
  trx: DatabaseTransaction,
  realmId: string,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('realms')
    .set((eb) => ({ service_account_count: eb('service_account_count', '+', 1) }))
    .where('id', '=', realmId)
    .whereRef('service_account_count', '<', 'service_account_limit')
    .returning('service_account_count')
    .executeTakeFirst()
  return row?.service_account_count
}

export async function updateRealmFreeingPlace(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({ service_account_count: eb('service_account_count', '-', 1) }))
    .where('id', '=', realmId)
    .execute()
}

/** From now on, token requests of this realm may need argon2id. */
export async function updateRealmImportsSecrets(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({ imports_secrets: true, version: eb('version', '+', '1') }))
    .where('id', '=', realmId)
    .where('imports_secrets', '=', false)
    .execute()
}

/** Lets every cache of the realm reload. */
export async function updateRealmVersion(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({ version: eb('version', '+', '1') }))
    .where('id', '=', realmId)
    .execute()
}
