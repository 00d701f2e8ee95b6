import { toPem } from '../../crypto/pem.ts'
import type { Realm } from '../../domain/realm.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** What a realm tells everybody. */
export interface PublishedRealm {
  readonly realm: Realm
  readonly issuer: string
  /** Public keys as JWKs (RFC 7517), the oldest first. */
  readonly keys: readonly Record<string, unknown>[]
  /** One of the keys in PEM, or all, each below a comment that names it; `undefined`: there is no such key. */
  pem(kid?: string): string | undefined
  /** Since the database last said that it is so: more than a moment only while that is away. */
  ageSeconds(): number
}

export type PublishedRealms = ReturnType<typeof publishedRealms>

export function publishedRealms(
  { clock }: Pick<Dependencies, 'clock'>,
  realms: Pick<LoadedRealms, 'latest'>,
) {
  const published = new WeakMap<object, PublishedRealm>()
  return {
    /**
     * As it is now, or as it was when the database was last there. The same object as long as nothing has changed.
     * @throws UnknownRealmError
     */
    async find(realmName: string): Promise<PublishedRealm> {
      const loaded = await realms.latest(realmName)
      const known = published.get(loaded)
      if (known) return known
      const { realm, issuer, keys } = loaded
      const ageSeconds = () => Math.max(0, clock().getTime() - loaded.confirmedAt) / 1000
      const pem = (kid?: string) => {
        const chosen = keys.filter((key) => kid === undefined || key.kid === kid)
        const texts = chosen.map((key) => `# ${key.kid} ${key.algorithm}\n${toPem(key.publicJwk)}`)
        return texts.length > 0 ? texts.join('') : undefined
      }
      const made = { realm, issuer, keys: keys.map((key) => key.publicJwk), pem, ageSeconds }
      published.set(loaded, made)
      return made
    },
  }
}
