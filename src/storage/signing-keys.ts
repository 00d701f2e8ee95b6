import type { Selectable } from 'kysely'
import type { Algorithm } from '../domain/realm.ts'
import type { SigningKey, SigningKeyState } from '../domain/signing-key.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { SigningKeyRow } from './tables.ts'

const COLUMNS = [
  'kid',
  'algorithm',
  'state',
  'public_jwk',
  'sealed_private_jwk',
  'published_at',
  'activates_at',
  'activated_at',
  'retired_at',
] as const

type Row = Pick<Selectable<SigningKeyRow>, (typeof COLUMNS)[number]>

/** A key pair; the private half is sealed. */
export interface StoredSigningKey extends SigningKey {
  readonly publicJwk: Record<string, unknown>
  readonly sealedPrivateJwk: string
}

/** Oldest first. */
export async function listSigningKeys(db: Database, realmId: string): Promise<StoredSigningKey[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .select(COLUMNS)
    .where('realm_id', '=', realmId)
    .orderBy('published_at')
    .orderBy('kid')
    .execute()
  return rows.map(toSigningKey)
}

/** When the oldest key that signs now, of any realm, began to sign. */
export async function findOldestCurrentKey(db: Database): Promise<Date | undefined> {
  const row = await db
    .selectFrom('signing_keys')
    .select('activated_at')
    .where('state', '=', 'current')
    .where('activated_at', 'is not', null)
    .orderBy('activated_at')
    .limit(1)
    .executeTakeFirst()
  return row?.activated_at ?? undefined
}

export async function insertSigningKey(
  trx: DatabaseTransaction,
  realmId: string,
  key: StoredSigningKey,
): Promise<void> {
  await trx
    .insertInto('signing_keys')
    .values({
      realm_id: realmId,
      kid: key.kid,
      algorithm: key.algorithm,
      state: key.state,
      public_jwk: JSON.stringify(key.publicJwk),
      sealed_private_jwk: key.sealedPrivateJwk,
      published_at: key.publishedAt,
      activates_at: key.activatesAt,
      activated_at: key.activatedAt ?? null,
      retired_at: key.retiredAt ?? null,
    })
    .execute()
}

export async function updateSigningKeyRetired(
  trx: DatabaseTransaction,
  realmId: string,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('signing_keys')
    .set({ state: 'retired', retired_at: now })
    .where('realm_id', '=', realmId)
    .where('state', '=', 'current')
    .execute()
}

export async function updateSigningKeyCurrent(
  trx: DatabaseTransaction,
  realmId: string,
  kid: string,
  now: Date,
): Promise<void> {
  await trx
    .updateTable('signing_keys')
    .set({ state: 'current', activated_at: now })
    .where('realm_id', '=', realmId)
    .where('kid', '=', kid)
    .execute()
}

export async function updateSigningKeyActivation(
  trx: DatabaseTransaction,
  realmId: string,
  kid: string,
  activatesAt: Date,
): Promise<void> {
  await trx
    .updateTable('signing_keys')
    .set({ activates_at: activatesAt })
    .where('realm_id', '=', realmId)
    .where('kid', '=', kid)
    .execute()
}

export async function deleteSigningKey(
  trx: DatabaseTransaction,
  realmId: string,
  kid: string,
): Promise<boolean> {
  const result = await trx
    .deleteFrom('signing_keys')
    .where('realm_id', '=', realmId)
    .where('kid', '=', kid)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export interface SealedSigningKey {
  readonly realmId: string
  readonly kid: string
  readonly algorithm: string
  readonly sealedPrivateJwk: string
}

/** One page of the keys of all realms, for re-sealing; locked until the transaction ends. */
export async function lockSealedSigningKeys(
  trx: DatabaseTransaction,
  after: { readonly realmId: string; readonly kid: string },
  limit: number,
): Promise<SealedSigningKey[]> {
  const rows = await trx
    .selectFrom('signing_keys')
    .select(['realm_id', 'kid', 'algorithm', 'sealed_private_jwk'])
    .where((eb) => eb(eb.refTuple('realm_id', 'kid'), '>', eb.tuple(after.realmId, after.kid)))
    .orderBy('realm_id')
    .orderBy('kid')
    .limit(limit)
    .forUpdate()
    .execute()
  return rows.map((row) => ({
    realmId: row.realm_id,
    kid: row.kid,
    algorithm: row.algorithm,
    sealedPrivateJwk: row.sealed_private_jwk,
  }))
}

export async function updateSealedSigningKey(trx: DatabaseTransaction, key: SealedSigningKey): Promise<void> {
  await trx
    .updateTable('signing_keys')
    .set({ sealed_private_jwk: key.sealedPrivateJwk })
    .where('realm_id', '=', key.realmId)
    .where('kid', '=', key.kid)
    .execute()
}

export function toSigningKey(row: Row): StoredSigningKey {
  return {
    kid: row.kid,
    algorithm: row.algorithm as Algorithm,
    state: row.state as SigningKeyState,
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk,
    publishedAt: row.published_at,
    activatesAt: row.activates_at,
    activatedAt: row.activated_at ?? undefined,
    retiredAt: row.retired_at ?? undefined,
  }
}
