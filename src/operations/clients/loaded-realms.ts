import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName, type Realm } from '../../domain/realm.ts'
import { isDatabaseAway } from '../../storage/database.ts'
import { findRealmVersions, type RealmVersion } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { keptRealms } from './kept-realms.ts'
import { LoadedRealm } from './realm-loading.ts'
import { createRead, type ReadRealm } from './realm-reading.ts'
import { shareReads } from './shared-reads.ts'
import { createUnopenedRealms } from './unopened-realms.ts'

export interface LoadedRealms {
  /**
   * The realm with this id, at this version or a later one.
   * @throws UnknownRealmError if it was deleted meanwhile, even if another realm has its name now
   */
  at(name: string, wanted: RealmVersion): LoadedRealm | Promise<LoadedRealm>
  /**
   * The current realm, or its state at `confirmedAt` while the database is away.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable` if the database is away and this process has not loaded the realm
   */
  latest(name: string): Promise<LoadedRealm>
  /** Whether this node lacks a master key that it needs. */
  isAnyUnopened(): Promise<boolean>
  /** Number of realms in memory. */
  size(): number
  /** The realm as this process knows it, without asking the database. */
  inMemory(name: string): Realm | undefined
  /** Returns whether the realm is in memory. */
  has(name: string): boolean
}

/** Maximum of realms per query: after a start, many are loaded at once. */
const MAX_BATCH = 500

/** How long to wait for the database where memory has an answer. */
const PATIENCE_MILLISECONDS = 300

export function createLoadedRealms(deps: Deps): LoadedRealms {
  const unopened = createUnopenedRealms(deps)
  const kept = keptRealms(deps.cacheSizes, (read) => new LoadedRealm(deps, forget, read))
  const forget = (name: string, error: unknown) => {
    kept.delete(name)
    return unopened.explain(error, name)
  }
  const loads = shareReads(createRead(deps), MAX_BATCH)
  const underway = new Map<string, Promise<ReadRealm | undefined>>()
  const versions = shareReads(
    async (names: readonly string[]) => {
      // A later request needs a read that begins later.
      asked.clear()
      const found = await findRealmVersions(deps.db, names)
      return names.map((name) => found.get(name))
    },
    MAX_BATCH,
    { patienceMilliseconds: PATIENCE_MILLISECONDS },
  )
  /** Requests since the last read of versions began; many ask for one realm at once. */
  const asked = new Map<string, Promise<LoadedRealm>>()

  function load(name: string): Promise<ReadRealm | undefined> {
    const flight = underway.get(name) ?? loads.load(name).finally(() => underway.delete(name))
    underway.set(name, flight)
    return flight
  }

  function keep(name: string, read: ReadRealm | undefined): LoadedRealm {
    if (read) return kept.keep(name, read)
    kept.delete(name)
    throw new UnknownRealmError(`no realm ${name}`)
  }

  function at(name: string, wanted: RealmVersion): LoadedRealm | Promise<LoadedRealm> {
    const inMemory = kept.get(name)
    if (!inMemory || !isOf(inMemory.realm, wanted)) return loadAt(name, wanted)
    inMemory.read.confirmedAt = deps.clock().getTime()
    return inMemory
  }

  async function loadAt(name: string, wanted: RealmVersion): Promise<LoadedRealm> {
    // A load in progress may predate that version; one that begins now does not. A version lower than the one in memory
    // may come from a restored database, so only a load can tell.
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
    // The copy in memory may lack a key that signs by now, so wait as long as a token request would.
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
  return { at, latest, isAnyUnopened, size: kept.size, inMemory: kept.settingsOf, has: kept.has }
}

function isOf({ id, version }: Realm, { realmId, realmVersion }: RealmVersion): boolean {
  return id === realmId && version === realmVersion
}

function fallBack(error: unknown, inMemory: LoadedRealm): LoadedRealm {
  if (isDatabaseAway(error)) return inMemory
  throw error
}

/** @throws OAuthError `temporarily_unavailable` if the database is away; else the error itself */
export function throwUnavailable(error: unknown): never {
  if (!isDatabaseAway(error)) throw error
  throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the database is away')
}

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'verifierKey' | 'publicUrl' | 'clock' | 'log' | 'cacheSizes'>
