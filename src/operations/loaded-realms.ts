import DataLoader from 'dataloader'
import { LRUCache } from 'lru-cache'
import { importSigner, type Signer } from '../crypto/signing.ts'
import { OAuthError, UnknownRealmError } from '../domain/oauth-error.ts'
import { isRealmName, issuerOf, knownAudiences, type Realm } from '../domain/realm.ts'
import { isDatabaseAway } from '../storage/database.ts'
import { findRealmByName, findRealmVersions } from '../storage/realms.ts'
import { listSigningKeys, type StoredSigningKey } from '../storage/signing-keys.ts'
import type { Dependencies } from './dependencies.ts'

/** A realm as kept in memory, true of one version of its row. */
export interface LoadedRealm {
  readonly realm: Realm
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly keys: readonly StoredSigningKey[]
  /** The current key, opened when it is first needed. */
  readonly signer: () => Promise<Signer>
}

export interface LoadedRealms {
  /** The realm at that version or a later one. */
  at(name: string, version: string): Promise<LoadedRealm>
  /**
   * The realm as it is now, for what may be served from memory when the database is away.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable` where this process has not met the realm yet either
   */
  latest(name: string): Promise<LoadedRealm>
  /** Realms in memory. */
  size(): number
}

/** Realms kept in memory at most; each takes about 3 kB. */
const CAPACITY = 50_000

/** How long what may be served from memory waits for the database. */
const PATIENCE_MILLISECONDS = 300

export function createLoadedRealms(deps: Pick<Dependencies, 'db' | 'sealer' | 'publicUrl'>): LoadedRealms {
  const kept = new LRUCache<string, LoadedRealm>({ max: CAPACITY })
  const underway = new Map<string, Promise<LoadedRealm | undefined>>()
  const versions = new DataLoader<string, string | undefined>(
    async (names) => {
      const found = await findRealmVersions(deps.db, names)
      return names.map((name) => found.get(name))
    },
    { cache: false, maxBatchSize: 500 },
  )

  function load(name: string): Promise<LoadedRealm | undefined> {
    const flight = underway.get(name) ?? loadRealm(deps, name).finally(() => underway.delete(name))
    underway.set(name, flight)
    return flight
  }

  async function at(name: string, version: string): Promise<LoadedRealm> {
    const wanted = BigInt(version)
    let loaded = kept.get(name)
    // A load that was under way already may have read the row before that version.
    for (let attempt = 0; attempt < 3 && (!loaded || BigInt(loaded.realm.version) < wanted); attempt++) {
      loaded = await load(name)
      if (!loaded) {
        kept.delete(name)
        throw new UnknownRealmError(`no realm ${name}`)
      }
      kept.set(name, loaded)
    }
    return loaded as LoadedRealm
  }

  async function fresh(name: string): Promise<LoadedRealm> {
    const version = await versions.load(name)
    if (version === undefined) throw new UnknownRealmError(`no realm ${name}`)
    return at(name, version)
  }

  async function latest(name: string): Promise<LoadedRealm> {
    if (!isRealmName(name)) throw new UnknownRealmError('not a realm name')
    const inMemory = kept.get(name)
    if (!inMemory) return fresh(name).catch(sayUnavailable)
    return await Promise.race([fresh(name), timeout(inMemory)]).catch((error: unknown) => {
      if (isDatabaseAway(error)) return inMemory
      throw error
    })
  }

  return { at, latest, size: () => kept.size }
}

function timeout<T>(value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS, value).unref())
}

/** @throws OAuthError `temporarily_unavailable` where the database is away; else the error itself */
export function sayUnavailable(error: unknown): never {
  if (!isDatabaseAway(error)) throw error
  throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the database is away')
}

async function loadRealm(
  { db, sealer, publicUrl }: Pick<Dependencies, 'db' | 'sealer' | 'publicUrl'>,
  name: string,
): Promise<LoadedRealm | undefined> {
  const realm = await findRealmByName(db, name)
  if (!realm) return undefined
  const keys = await listSigningKeys(db, realm.id)
  const current = keys.find((key) => key.state === 'current')
  let signer: Promise<Signer> | undefined
  const open = async () => {
    if (!current) throw new Error(`realm ${name} has no current key`)
    return importSigner(current.kid, current.algorithm, await sealer.open(current.sealedPrivateJwk))
  }
  return {
    realm,
    issuer: issuerOf(publicUrl, name),
    audiences: knownAudiences(realm, publicUrl),
    keys,
    signer: () => {
      signer ??= open()
      return signer
    },
  }
}
