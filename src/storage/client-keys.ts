import type { Selectable } from 'kysely'
import type { ClientKey, KeyAlgorithm, PublicJwk } from '../domain/client-key.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { ClientKeyRow } from './tables.ts'

const COLUMNS = ['kid', 'thumbprint', 'algorithm', 'jwk', 'name', 'created_at', 'expires_at'] as const

type Row = Pick<Selectable<ClientKeyRow>, (typeof COLUMNS)[number]> & { used_at: Date | null }

/** Throws where the account has the key or the kid: constraints client_keys_thumbprint_key, client_keys_pkey. */
export function insertClientKey(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  key: NewClientKey,
): Promise<void> {
  return insertClientKeys(trx, realmId, [{ clientId, key }])
}

export type NewClientKey = Omit<ClientKey, 'lastUsedAt'>

export async function insertClientKeys(
  trx: DatabaseTransaction,
  realmId: string,
  keys: readonly { readonly clientId: string; readonly key: NewClientKey }[],
): Promise<void> {
  if (keys.length === 0) return
  const rows = keys.map(({ clientId, key }) => ({
    realm_id: realmId,
    client_id: clientId,
    kid: key.kid,
    thumbprint: key.thumbprint,
    algorithm: key.algorithm,
    jwk: JSON.stringify(key.jwk),
    name: key.name,
    created_at: key.createdAt,
    expires_at: key.expiresAt ?? null,
  }))
  await trx.insertInto('client_keys').values(rows).execute()
}

/** The newest first, those that have ended too. */
export async function listClientKeys(db: Database, realmId: string, clientId: string): Promise<ClientKey[]> {
  const rows = await db
    .selectFrom('client_keys as k')
    .leftJoin('last_uses as u', (join) =>
      join
        .onRef('u.realm_id', '=', 'k.realm_id')
        .onRef('u.client_id', '=', 'k.client_id')
        .onRef('u.secret_id', '=', 'k.thumbprint'),
    )
    .select(COLUMNS)
    .select('used_at')
    .where('k.realm_id', '=', realmId)
    .where('k.client_id', '=', clientId)
    .orderBy('created_at', 'desc')
    .orderBy('kid')
    .execute()
  return rows.map(toClientKey)
}

export async function updateClientKey(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  { kid, name, expiresAt }: Pick<ClientKey, 'kid' | 'name' | 'expiresAt'>,
): Promise<void> {
  await trx
    .updateTable('client_keys')
    .set({ name, expires_at: expiresAt ?? null })
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('kid', '=', kid)
    .execute()
}

function toClientKey(row: Row): ClientKey {
  return {
    kid: row.kid,
    thumbprint: row.thumbprint,
    algorithm: row.algorithm as KeyAlgorithm,
    jwk: row.jwk as PublicJwk,
    name: row.name,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    lastUsedAt: row.used_at ?? undefined,
  }
}
