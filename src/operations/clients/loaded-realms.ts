import { LRUCache } from 'lru-cache'
import { importSigner, type Signer } from '../../crypto/signing.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName, issuerOf, knownAudiences, type Realm } from '../../domain/realm.ts'
import { isDatabaseAway } from '../../storage/database.ts'
import { findRealmsWithKeys } from '../../storage/loaded-realms.ts'
import { findRealmVersions, type RealmVersion } from '../../storage/realms.ts'
import type { StoredSigningKey } from '../../storage/signing-keys.ts'
import type { Dependencies } from '../dependencies.ts'
import { signingKeyContext, type TrustedKey, trustedKeys } from '../realms/sealed-keys.ts'
import { shareReads } from './shared-reads.ts'
import { createUnopenedRealms } from './unopened-realms.ts'

/** A realm as kept in memory, true of one version of its row. */
export interface LoadedRealm {
  readonly realm: Realm
  readonly issuer: string
  readonly audiences: readonly string[]
  /** The published keys whose seal holds, opened when they are needed. */
  readonly keys: readonly PublicSigningKey[]
  /** The current key, opened when it is needed. */
  readonly signer: () => Promise<Signer>
  /** When the database last said that it is so: milliseconds since the epoch. */
  readonly confirmedAt: number
}

interface KeptRealm extends LoadedRealm {
  // A number, which is changed in place: each token would leave a Date that gets old.
  confirmedAt: number
}

export type PublicSigningKey = TrustedKey

export interface LoadedRealms {
  /**
   * The realm of that id, at that version or a later one.
   * @throws UnknownRealmError where that realm is gone meanwhile, though another may have its name by now
   */
  at(name: string, wanted: RealmVersion): Promise<LoadedRealm>
  /**
   * The realm as it is now, or as it was at its `confirmedAt` when the database is away.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable` where this process has not met the realm yet either
   */
  latest(name: string): Promise<LoadedRealm>
  /** Whether this node lacks a master key that it needs. */
  isAnyUnopened(): Promise<boolean>
  /** Realms in memory. */
  size(): number
  /** Whether that one is. */
  has(name: string): boolean
}

/** Realms kept in memory at most, the least used go first; each takes about 7 kB once its key is open. */
const CAPACITY = 50_000

/** Realms read at once at most: many are met for the first time together after a start. */
const MAX_BATCH = 500

/** How long what may be served from memory waits for the database. */
const PATIENCE_MILLISECONDS = 300

export function createLoadedRealms(deps: Deps): LoadedRealms {
  const unopened = createUnopenedRealms(deps)
  // By size: `max` would reserve the memory of all of them at once, which takes each command a tenth of a second.
  const kept = new LRUCache<string, KeptRealm>({ maxSize: CAPACITY, sizeCalculation: () => 1 })
  const loads = shareReads(
    createLoad(deps, (name, error) => {
      kept.delete(name)
      return unopened.explain(error, name)
    }),
    MAX_BATCH,
  )
  const underway = new Map<string, Promise<KeptRealm | undefined>>()
  const versions = shareReads(
    async (names: readonly string[]) => {
      // Who asks from now on needs a read that begins later.
      asked.clear()
      const found = await findRealmVersions(deps.db, names)
      return names.map((name) => found.get(name))
    },
    MAX_BATCH,
    PATIENCE_MILLISECONDS,
  )
  /** What has been asked for since the last read of versions began: many ask for one realm at once. */
  const asked = new Map<string, Promise<LoadedRealm>>()

  function load(name: string): Promise<KeptRealm | undefined> {
    const flight = underway.get(name) ?? loads.load(name).finally(() => underway.delete(name))
    underway.set(name, flight)
    return flight
  }

  function keep(name: string, loaded: KeptRealm | undefined): KeptRealm {
    if (loaded) {
      kept.set(name, loaded)
      return loaded
    }
    kept.delete(name)
    throw new UnknownRealmError(`no realm ${name}`)
  }

  async function at(name: string, wanted: RealmVersion): Promise<LoadedRealm> {
    const inMemory = kept.get(name)
    if (inMemory && isOf(inMemory.realm, wanted)) {
      inMemory.confirmedAt = deps.clock().getTime()
      return inMemory
    }
    // A load that was under way may be of before that version; one that begins now is not. A version that is lower
    // than the one in memory may be that of a restored database: only a load tells.
    const joined = await load(name)
    const isNewEnough =
      joined?.realm.id === wanted.realmId && BigInt(joined.realm.version) >= BigInt(wanted.realmVersion)
    const loaded = keep(name, isNewEnough ? joined : await loads.load(name))
    if (loaded.realm.id !== wanted.realmId) throw new UnknownRealmError(`realm ${name} was made again`)
    return loaded
  }

  async function meet(name: string): Promise<LoadedRealm> {
    return keep(name, await loads.load(name))
  }

  async function fresh(name: string, inMemory: LoadedRealm): Promise<LoadedRealm> {
    try {
      const version = await versions.load(name)
      return version === undefined ? keep(name, undefined) : await at(name, version)
    } catch (error) {
      return fallBack(error, inMemory)
    }
  }

  async function freshOrOld(name: string, inMemory: LoadedRealm): Promise<LoadedRealm> {
    const found = await fresh(name, inMemory)
    const age = deps.clock().getTime() - found.confirmedAt
    // A key that signs by now may be missing in it: that is worth as long a wait as a token is.
    if (age <= found.realm.jwksMaxAgeSeconds * 1000) return found
    return meet(name).catch((error) => fallBack(error, found))
  }

  async function latest(name: string): Promise<LoadedRealm> {
    const underway = asked.get(name)
    if (underway !== undefined) return underway
    if (!isRealmName(name)) throw new UnknownRealmError('not a realm name')
    const inMemory = kept.get(name)
    if (!inMemory) return meet(name).catch(throwUnavailable)
    const found = freshOrOld(name, inMemory)
    asked.set(name, found)
    return found
  }

  const isAnyUnopened = () => unopened.isAny(latest)
  return { at, latest, isAnyUnopened, size: () => kept.size, has: (name) => kept.has(name) }
}

function isOf({ id, version }: Realm, { realmId, realmVersion }: RealmVersion): boolean {
  return id === realmId && version === realmVersion
}

function fallBack(error: unknown, inMemory: LoadedRealm): LoadedRealm {
  if (isDatabaseAway(error)) return inMemory
  throw error
}

/** @throws OAuthError `temporarily_unavailable` where the database is away; else the error itself */
export function throwUnavailable(error: unknown): never {
  if (!isDatabaseAway(error)) throw error
  throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the database is away')
}

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'publicUrl' | 'clock' | 'log'>

type Load = (names: readonly string[]) => Promise<(KeptRealm | undefined)[]>

/** @param forget is told of a realm whose key did not open, and returns what to throw */
function createLoad(deps: Deps, forget: (name: string, error: unknown) => unknown): Load {
  const { db, sealer, publicUrl, clock } = deps
  const share = createShare()

  function signerOf({ id, name }: Realm, current: StoredSigningKey | undefined): LoadedRealm['signer'] {
    if (!current)
      return () => {
        throw new Error(`realm ${name} has no current key`)
      }
    const { kid, algorithm, sealedPrivateJwk } = current
    return once(async () => {
      try {
        const jwk = sealer.open(sealedPrivateJwk, signingKeyContext(id, current))
        return await importSigner(kid, algorithm, jwk)
      } catch (error) {
        // It may be sealed anew at any moment, which the realm's version does not tell.
        throw forget(name, error)
      }
    })
  }

  function openKeys(realm: Realm, keys: readonly StoredSigningKey[]): readonly TrustedKey[] {
    try {
      return trustedKeys(deps, realm, keys)
    } catch (error) {
      throw forget(realm.name, error)
    }
  }

  function toLoadedRealm(realm: Realm, keys: readonly StoredSigningKey[], confirmedAt: number): KeptRealm {
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
      return known && toLoadedRealm(known.realm, known.keys, now)
    })
  }
}

/** Does it when it is first asked for, and forgets what it was made of: it is kept for as long as the realm. */
function once<T>(make: () => T): () => T {
  let pending: (() => T) | undefined = make
  let made: T
  return () => {
    if (pending) made = pending()
    pending = undefined
    return made
  }
}

/** Most realms say the same: their lists are kept once. */
function createShare(): (list: readonly string[]) => readonly string[] {
  const known = new LRUCache<string, readonly string[]>({ max: 1000 })
  return (list) => {
    const key = JSON.stringify(list)
    const shared = known.get(key) ?? list
    known.set(key, shared)
    return shared
  }
}
