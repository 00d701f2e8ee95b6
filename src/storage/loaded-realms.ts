import { sql } from 'kysely'
import type { Realm } from '../domain/realm.ts'
import type { Database } from './database.ts'
import {
  FOREIGN_KEYS_OF_REALM,
  type ForeignKeyJson,
  type StoredForeignKey,
  toForeignKey,
} from './foreign-keys.ts'
import { REALM_COLUMNS, type Row, toRealm } from './realm-rows.ts'
import { type StoredSigningKey, toSigningKey } from './signing-keys.ts'

export interface RealmWithKeys {
  readonly realm: Realm
  /** Oldest first. */
  readonly keys: StoredSigningKey[]
  readonly foreignKeys: readonly StoredForeignKey[]
}

/** Existing realms among the named ones, by name. One statement, so that version and keys match. */
export async function findRealmsWithKeys(
  db: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, RealmWithKeys>> {
  const rows = await db
    .selectFrom('realms')
    .leftJoin('signing_keys as k', 'k.realm_id', 'realms.id')
    .select(REALM_COLUMNS.map((column) => `realms.${column}` as const))
    .select([
      'k.kid',
      'k.algorithm as key_algorithm',
      'k.state',
      'k.public_jwk',
      'k.sealed_private_jwk',
      'k.published_at',
      'k.activates_at',
      'k.activated_at',
      'k.retired_at',
    ])
    .select(FOREIGN_KEYS_OF_REALM.as('foreign_keys'))
    .where('realms.name', '=', sql<string>`any(${[...names]}::text[])`)
    .orderBy('k.published_at')
    .orderBy('k.kid')
    .execute()
  const found = new Map<string, RealmWithKeys>()
  for (const row of rows) {
    const known = found.get(row.name) ?? newRealm(row, row.foreign_keys)
    found.set(row.name, known)
    if (row.kid !== null)
      known.keys.push(
        toSigningKey({ ...row, algorithm: row.key_algorithm } as Parameters<typeof toSigningKey>[0]),
      )
  }
  return found
}

function newRealm(row: Row, foreignKeys: readonly ForeignKeyJson[] | null): RealmWithKeys {
  return { realm: toRealm(row), keys: [], foreignKeys: foreignKeys?.map(toForeignKey) ?? [] }
}
