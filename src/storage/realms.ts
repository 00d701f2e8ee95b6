import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import type { AssertionAudience, AuthMethod } from '../domain/client-key.ts'
import type { IntrospectionAudiences } from '../domain/introspection-audience.ts'
import type { LeakedSecretAction } from '../domain/leaked-secret.ts'
import {
  type Algorithm,
  DELETED_REALM_PREFIX,
  isRealmName,
  type Realm,
  type RealmSettings,
  type TokenTypeHeader,
} from '../domain/realm.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { RealmRow } from './tables.ts'

export const REALM_COLUMNS = [
  'id',
  'name',
  'display_name',
  'algorithm',
  'token_lifetime_seconds',
  'service_account_limit',
  'service_account_count',
  'scopes',
  'audiences',
  'roles',
  'resource_types',
  'key_rotation_seconds',
  'key_publish_seconds',
  'jwks_max_age_seconds',
  'jwks_cached_until',
  'leaked_secret_action',
  'introspection_audiences',
  'token_type_header',
  'allowed_auth_methods',
  'assertion_audience',
  'imports_secrets',
  'version',
  'created_at',
] as const

type Row = Pick<Selectable<RealmRow>, (typeof REALM_COLUMNS)[number]>

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

/** After a step of key rotation: stores when the next one is due, and increments the version so that caches reload the keys. */
export async function updateRealmRotation(
  trx: DatabaseTransaction,
  realmId: string,
  rotationDueAt: Date,
  keysChanged: boolean,
): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({
      rotation_due_at: rotationDueAt,
      version: keysChanged ? eb('version', '+', '1') : eb.ref('version'),
    }))
    .where('id', '=', realmId)
    .execute()
}

export interface DueRealm {
  readonly name: string
  /** Text, since a Date cannot hold `-infinity`. */
  readonly dueAt: string
}

/** Realms whose keys are due by then, longest overdue first, starting after a given one. */
export async function listRealmsDueForRotation(
  db: Database,
  by: Date,
  after: DueRealm,
  limit: number,
): Promise<DueRealm[]> {
  const { rows } = await sql<DueRealm>`
    select name, to_json(rotation_due_at) #>> '{}' as "dueAt" from realms
    where rotation_due_at <= ${by} and rotation_due_at >= ${after.dueAt}::timestamptz
      and (rotation_due_at, name) > (${after.dueAt}::timestamptz, ${after.name})
    order by rotation_due_at, name limit ${limit}
  `.execute(db)
  return rows
}

/** When the next step of key rotation of any realm is due. */
export async function findEarliestRotation(db: Database): Promise<Date | undefined> {
  const row = await db
    .selectFrom('realms')
    .select('rotation_due_at')
    .where('rotation_due_at', '>', sql<Date>`'-infinity'`)
    .where('name', 'not like', `${DELETED_REALM_PREFIX}%`)
    .orderBy('rotation_due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.rotation_due_at
}

function toColumns(settings: RealmSettings) {
  return {
    display_name: settings.displayName,
    algorithm: settings.algorithm,
    token_lifetime_seconds: settings.tokenLifetimeSeconds,
    service_account_limit: settings.serviceAccountLimit,
    scopes: [...settings.scopes],
    audiences: [...settings.audiences],
    roles: [...settings.roles],
    resource_types: [...settings.resourceTypes],
    key_rotation_seconds: settings.keyRotationSeconds,
    key_publish_seconds: settings.keyPublishSeconds,
    jwks_max_age_seconds: settings.jwksMaxAgeSeconds,
    leaked_secret_action: settings.leakedSecretAction,
    introspection_audiences: settings.introspectionAudiences,
    token_type_header: settings.tokenTypeHeader,
    allowed_auth_methods: [...settings.allowedAuthMethods],
    assertion_audience: settings.assertionAudience,
  }
}

export function toRealm(row: Row): Realm {
  return {
    id: row.id,
    name: row.name,
    displayName: row.display_name,
    algorithm: row.algorithm as Algorithm,
    tokenLifetimeSeconds: row.token_lifetime_seconds,
    serviceAccountLimit: row.service_account_limit,
    serviceAccountCount: row.service_account_count,
    scopes: row.scopes,
    audiences: row.audiences,
    roles: row.roles,
    resourceTypes: row.resource_types,
    keyRotationSeconds: row.key_rotation_seconds,
    keyPublishSeconds: row.key_publish_seconds,
    jwksMaxAgeSeconds: row.jwks_max_age_seconds,
    jwksCachedUntil: row.jwks_cached_until ?? undefined,
    leakedSecretAction: row.leaked_secret_action as LeakedSecretAction,
    introspectionAudiences: row.introspection_audiences as IntrospectionAudiences,
    tokenTypeHeader: row.token_type_header as TokenTypeHeader,
    allowedAuthMethods: row.allowed_auth_methods as AuthMethod[],
    assertionAudience: row.assertion_audience as AssertionAudience,
    importsSecrets: row.imports_secrets,
    version: row.version,
    createdAt: row.created_at,
  }
}
