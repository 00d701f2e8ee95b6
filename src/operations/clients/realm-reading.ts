import { LRUCache } from 'lru-cache'
import { isForeignKeyMac } from '../../crypto/foreign-key.ts'
import { type ForeignKey, foreignKeyText } from '../../domain/foreign-key.ts'
import type { Realm } from '../../domain/realm.ts'
import type { StoredForeignKey } from '../../storage/foreign-keys.ts'
import { findRealmsWithKeys, type LoadedKey, type RealmWithKeys } from '../../storage/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** A realm as of one version of its row, its keys sealed. */
export interface ReadRealm {
  readonly realm: Realm
  /** Oldest first. */
  readonly keys: readonly LoadedKey[]
  /** Keys of the server that the realm was moved from; some may have ended. */
  readonly foreignKeys: readonly ForeignKey[]
  /** When the database last confirmed this version, in milliseconds since the epoch. */
  // A number that is updated in place: a Date per token would survive young garbage collections.
  confirmedAt: number
}

type Deps = Pick<Dependencies, 'db' | 'verifierKey' | 'clock' | 'log'>

const NONE: readonly ForeignKey[] = []

/** Reads realms by name, in the order given; `undefined`: there is none. */
export function createRead(deps: Deps) {
  const share = createShare()
  return async (names: readonly string[]): Promise<(ReadRealm | undefined)[]> => {
    const confirmedAt = deps.clock().getTime()
    const found = await findRealmsWithKeys(deps.db, names)
    return names.map((name) => {
      const known = found.get(name)
      return known && { ...compact(deps, known, share), confirmedAt }
    })
  }
}

/** As small as it can be: tens of thousands are kept. */
function compact(deps: Deps, { realm, keys, foreignKeys }: RealmWithKeys, share: Share) {
  return {
    realm: {
      ...realm,
      algorithm: share(realm.algorithm),
      scopes: share(realm.scopes),
      audiences: share(realm.audiences),
      roles: share(realm.roles),
      resourceTypes: share(realm.resourceTypes),
      leakedSecretAction: share(realm.leakedSecretAction),
      introspectionAudiences: share(realm.introspectionAudiences),
      tokenTypeHeader: share(realm.tokenTypeHeader),
      allowedAuthMethods: share(realm.allowedAuthMethods),
      assertionAudience: share(realm.assertionAudience),
      claims: share(realm.claims),
      tokenProfile: share(realm.tokenProfile),
    },
    keys: keys.map((key) => ({ ...key, algorithm: share(key.algorithm), state: share(key.state) })),
    foreignKeys: foreignKeys.length === 0 ? NONE : trustedForeignKeys(deps, realm, foreignKeys),
  }
}

/** A key that was changed in the database is left out and logged. */
function trustedForeignKeys(
  { verifierKey, log }: Deps,
  realm: Realm,
  keys: readonly StoredForeignKey[],
): readonly ForeignKey[] {
  return keys.filter((key) => {
    if (isForeignKeyMac(verifierKey, foreignKeyText(realm.id, key), key.mac)) return true
    log(
      `the foreign key ${key.kid} of realm ${realm.name} was changed in the database: it is not trusted; withdraw it`,
    )
    return false
  })
}

type Share = <Value>(value: Value) => Value

/** Most realms have equal settings, which are kept once. */
function createShare(): Share {
  const known = new LRUCache<string, { readonly value: unknown }>({ max: 1000 })
  return <Value>(value: Value) => {
    const key = JSON.stringify(value)
    const shared = known.get(key) ?? { value }
    known.set(key, shared)
    return shared.value as Value
  }
}
