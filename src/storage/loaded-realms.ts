import type { Realm } from '../domain/realm.ts'
import type { Database } from './database.ts'
import {
  FOREIGN_KEYS_OF_REALM,
  type ForeignKeyJson,
  type StoredForeignKey,
  toForeignKey,
} from './foreign-keys.ts'
import { preparedStatement } from './prepared-statements.ts'
import { REALM_COLUMNS, type Row as RealmRow, toRealm } from './realm-rows.ts'
import type { StoredSigningKey } from './signing-keys.ts'

/** A key as it signs and is published. Its public half is not read: that is sealed with it. */
export type LoadedKey = Pick<StoredSigningKey, 'kid' | 'algorithm' | 'state' | 'sealedPrivateJwk'>

export interface RealmWithKeys {
  readonly realm: Realm
  /** Oldest first. */
  readonly keys: LoadedKey[]
  readonly foreignKeys: readonly StoredForeignKey[]
}

interface Row extends RealmRow {
  readonly foreign_keys: readonly ForeignKeyJson[] | null
  /** Null: the realm has no key. */
  readonly kid: string | null
  readonly key_algorithm: LoadedKey['algorithm']
  readonly state: LoadedKey['state']
  readonly sealed_private_jwk: string
}

const readRows = preparedStatement<Row>(
  'mintmark_realms',
  `select ${REALM_COLUMNS.map((column) => `realms.${column}`).join(', ')}, ${FOREIGN_KEYS_OF_REALM} as foreign_keys,
    k.kid, k.algorithm as key_algorithm, k.state, k.sealed_private_jwk
  from realms left join signing_keys k on k.realm_id = realms.id
  where realms.name = any((select $1::text[])::text[])
  order by k.published_at, k.kid`,
)

/** Existing realms among the named ones, by name. One statement, so that version and keys match. */
export async function findRealmsWithKeys(
  db: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, RealmWithKeys>> {
  const found = new Map<string, RealmWithKeys>()
  for (const row of await readRows(db, [names])) {
    const known = found.get(row.name) ?? newRealm(row)
    found.set(row.name, known)
    if (row.kid !== null) known.keys.push(toLoadedKey(row, row.kid))
  }
  return found
}

function newRealm(row: Row): RealmWithKeys {
  return { realm: toRealm(row), keys: [], foreignKeys: row.foreign_keys?.map(toForeignKey) ?? [] }
}

function toLoadedKey({ key_algorithm: algorithm, state, sealed_private_jwk }: Row, kid: string): LoadedKey {
  return { kid, algorithm, state, sealedPrivateJwk: sealed_private_jwk }
}
