import { LRUCache } from 'lru-cache'
import type { PublishedKeys } from '../../domain/key-source.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { issuersNamedBy, type PlatformToken } from '../../domain/platform-token.ts'
import { issuerOf } from '../../domain/realm.ts'
import { audiencesOf, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { RealmVersion } from '../../storage/realms.ts'
import { findRealmIssuers, type RealmIssuers } from '../../storage/trusted-issuers.ts'
import { shareReads } from '../clients/shared-reads.ts'
import type { Dependencies } from '../dependencies.ts'

/** A trusted issuer ready to check tokens against. */
export interface KnownIssuer {
  readonly issuer: TrustedIssuer
  readonly audiences: readonly string[]
  /** Keys that were uploaded. */
  readonly uploaded: PublishedKeys | undefined
}

/** The trusted issuers of a realm in memory, as of one version of it. */
export interface KnownIssuers extends RealmVersion {
  readonly byName: ReadonlyMap<string, KnownIssuer>
}

/** Issuers and uploaded keys in memory, some kB each. The realms least recently used are dropped. */
const CAPACITY = 20_000

const MAX_BATCH = 100

/** Reloads that a token waits for, while administrators change its realm. */
const RELOADS = 4

export function realmIssuers({ tokenDb, publicUrl }: Pick<Dependencies, 'tokenDb' | 'publicUrl'>) {
  const kept = new LRUCache<string, KnownIssuers>({ maxSize: CAPACITY, sizeCalculation: sizeOf })
  const loads = shareReads(async (names: readonly string[]) => {
    const found = await findRealmIssuers(tokenDb, names)
    return names.map((name) => found.get(name))
  }, MAX_BATCH)

  async function load(realmName: string): Promise<KnownIssuers> {
    const found = await loads.load(realmName)
    if (!found) throw new UnknownRealmError(`no realm ${realmName}`)
    const known = toKnown(found, issuerOf(publicUrl, realmName))
    kept.set(realmName, known)
    return known
  }

  return {
    /**
     * Decides with the issuers of the version that the decision's own read says: they are read again where it is another.
     * @throws UnknownRealmError
     * @throws OAuthError `temporarily_unavailable` where the realm changes all the time
     */
    async decide<T extends RealmVersion>(
      realmName: string,
      look: (issuers: KnownIssuers) => Promise<T | undefined>,
    ): Promise<{ readonly issuers: KnownIssuers; readonly found: T }> {
      let issuers = kept.get(realmName)
      for (let turn = 0; turn < RELOADS; turn++) {
        issuers ??= await load(realmName)
        const found = await look(issuers)
        if (!found) throw new UnknownRealmError(`no realm ${realmName}`)
        if (found.realmId === issuers.realmId && found.realmVersion === issuers.realmVersion)
          return { issuers, found }
        issuers = undefined
      }
      throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the realm changes all the time')
    },
  }
}

/** The issuer that a token is of by its own word. */
export function issuerNamed(
  { byName }: KnownIssuers,
  token: PlatformToken | undefined,
): KnownIssuer | undefined {
  for (const name of token ? issuersNamedBy(token) : []) {
    const known = byName.get(name)
    if (known) return known
  }
  return undefined
}

function toKnown({ realmId, realmVersion, issuers }: RealmIssuers, realmIssuer: string): KnownIssuers {
  const known = issuers.map((issuer): [string, KnownIssuer] => [
    issuer.issuer,
    { issuer, audiences: audiencesOf(issuer, realmIssuer), uploaded: uploadedKeys(issuer) },
  ])
  return { realmId, realmVersion, byName: new Map(known) }
}

function uploadedKeys({ id, version, keys }: TrustedIssuer): PublishedKeys | undefined {
  if (keys.kind !== 'jwks') return undefined
  return { keys: keys.keys.map(({ kid, ...jwk }) => ({ kid, jwk })), version: `uploaded ${id} ${version}` }
}

function sizeOf({ byName }: KnownIssuers): number {
  let size = 1
  for (const { uploaded } of byName.values()) size += 1 + (uploaded?.keys.length ?? 0)
  return size
}
