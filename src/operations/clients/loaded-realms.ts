import { LRUCache } from 'lru-cache'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName, type Realm } from '../../domain/realm.ts'
import { isDatabaseAway } from '../../storage/database.ts'
import { findRealmVersions, type RealmVersion } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { createLoad, type KeptRealm, type LoadedRealm } from './realm-loading.ts'
import { shareReads } from './shared-reads.ts'
import { createUnopenedRealms } from './unopened-realms.ts'

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
