import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Realm } from '../../domain/realm.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** What a realm tells everybody. */
export interface PublishedRealm {
  readonly realm: Realm
  readonly issuer: string
  /** Public keys as JWKs (RFC 7517), the oldest first. */
  readonly keys: readonly Record<string, unknown>[]
  /** Since the database last said that it is so: more than a moment only while that is away. */
  ageSeconds(): number
}

export interface PublishedRealmOperations {
  /**
   * As it is now, or as it was when the database was last there. The same object as long as nothing has changed.
   * @throws UnknownRealmError
   */
  findPublishedRealm(realmName: string): Promise<PublishedRealm>
  /** Tells contents apart, for ETags. */
  fingerprint(content: string | Uint8Array): string
}

export function publishedRealmOperations(
  { clock }: Pick<Dependencies, 'clock'>,
  realms: Pick<LoadedRealms, 'latest'>,
): PublishedRealmOperations {
  const published = new WeakMap<object, PublishedRealm>()
  return {
    fingerprint,

    async findPublishedRealm(realmName) {
      const loaded = await realms.latest(realmName)
      const known = published.get(loaded)
      if (known) return known
      const { realm, issuer, keys } = loaded
      const ageSeconds = () => Math.max(0, clock().getTime() - loaded.confirmedAt) / 1000
      const made = { realm, issuer, keys: keys.map((key) => key.publicJwk), ageSeconds }
      published.set(loaded, made)
      return made
    },
  }
}
