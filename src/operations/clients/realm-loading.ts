import { LRUCache } from 'lru-cache'
import { isForeignKeyMac } from '../../crypto/foreign-key.ts'
import { importSigner, type Signer } from '../../crypto/signing.ts'
import { type ForeignKey, foreignKeyText } from '../../domain/foreign-key.ts'
import { issuerOf, knownAudiences, type Realm } from '../../domain/realm.ts'
import type { StoredForeignKey } from '../../storage/foreign-keys.ts'
import { findRealmsWithKeys, type LoadedKey, type RealmWithKeys } from '../../storage/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { signingKeyContext, type TrustedKey, trustedKeys } from '../realms/sealed-keys.ts'

/** A realm in memory, as of one version of its row. */
export interface LoadedRealm {
  readonly realm: Realm
  readonly issuer: string
  readonly audiences: readonly string[]
  /** Published keys with an intact seal, opened on first use. */
  readonly keys: readonly PublicSigningKey[]
  /** Keys of the server that the realm was moved from; some may have ended. */
  readonly foreignKeys: readonly ForeignKey[]
  /** The current key, opened on first use; no promise once it is open. */
  readonly signer: () => Signer | Promise<Signer>
  /** When the database last confirmed this version, in milliseconds since the epoch. */
  readonly confirmedAt: number
}

/** The same, whose confirmation is renewed in place. */
export interface KeptRealm extends LoadedRealm {
  // A number that is updated in place: a Date per token would survive young garbage collections.
  confirmedAt: number
}

const NONE: readonly ForeignKey[] = []

export type PublicSigningKey = TrustedKey

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'verifierKey' | 'publicUrl' | 'clock' | 'log'>

type Load = (names: readonly string[]) => Promise<(KeptRealm | undefined)[]>

/** @param forget called for a realm whose key did not open; returns the error to throw */
export function createLoad(deps: Deps, forget: (name: string, error: unknown) => unknown): Load {
  const { db, sealer, publicUrl, clock } = deps
  const share = createShare()

  function signerOf({ id, name }: Realm, current: LoadedKey | undefined): LoadedRealm['signer'] {
    if (!current)
      return () => {
        throw new Error(`realm ${name} has no current key`)
      }
    const { kid, algorithm, sealedPrivateJwk } = current
    let ready: Signer | undefined
    const open = once(async () => {
      try {
        const jwk = sealer.open(sealedPrivateJwk, signingKeyContext(id, current))
        ready = await importSigner(kid, algorithm, jwk)
        return ready
      } catch (error) {
        // The key may be sealed again at any moment, which does not change the realm's version.
        throw forget(name, error)
      }
    })
    return () => ready ?? open()
  }

  function openKeys(realm: Realm, keys: readonly LoadedKey[]): readonly TrustedKey[] {
    try {
      return trustedKeys(deps, realm, keys)
    } catch (error) {
      throw forget(realm.name, error)
    }
  }

  /** A key that was changed in the database is left out and logged. */
  function trustedForeignKeys(realm: Realm, keys: readonly StoredForeignKey[]): readonly ForeignKey[] {
    return keys.filter((key) => {
      if (isForeignKeyMac(deps.verifierKey, foreignKeyText(realm.id, key), key.mac)) return true
      deps.log(
        `the foreign key ${key.kid} of realm ${realm.name} was changed in the database: it is not trusted; withdraw it`,
      )
      return false
    })
  }

  function toLoadedRealm({ realm, keys, foreignKeys }: RealmWithKeys, confirmedAt: number): KeptRealm {
    const { scopes, audiences, roles, resourceTypes } = realm
    const opened = once(() => openKeys(realm, keys))
    return {
      confirmedAt,
      realm: {
        ...realm,
        scopes: share(scopes),
        audiences: share(audiences),
        roles: share(roles),
        resourceTypes: share(resourceTypes),
      },
      issuer: issuerOf(publicUrl, realm.name),
      audiences: knownAudiences(realm, publicUrl),
      foreignKeys: foreignKeys.length === 0 ? NONE : trustedForeignKeys(realm, foreignKeys),
      get keys() {
        return opened()
      },
      signer: signerOf(
        realm,
        keys.find((key) => key.state === 'current'),
      ),
    }
  }

  return async (names) => {
    const now = clock().getTime()
    const found = await findRealmsWithKeys(db, names)
    return names.map((name) => {
      const known = found.get(name)
      return known && toLoadedRealm(known, now)
    })
  }
}

/** Computes a value on first use and then drops its input, since it is kept as long as the realm. */
function once<T>(make: () => T): () => T {
  let pending: (() => T) | undefined = make
  let made: T
  return () => {
    if (pending) made = pending()
    pending = undefined
    return made
  }
}

/** Most realms have equal lists: share them. */
function createShare(): (list: readonly string[]) => readonly string[] {
  const known = new LRUCache<string, readonly string[]>({ max: 1000 })
  return (list) => {
    const key = JSON.stringify(list)
    const shared = known.get(key) ?? list
    known.set(key, shared)
    return shared
  }
}
