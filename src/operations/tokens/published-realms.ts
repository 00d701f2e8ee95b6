import { toPem } from '../../crypto/pem.ts'
import type { ForeignKey } from '../../domain/foreign-key.ts'
import type { Realm } from '../../domain/realm.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

/** What a realm publishes. */
export interface PublishedRealm {
  readonly realm: Realm
  readonly issuer: string
  /** Public keys as JWKs (RFC 7517), oldest first. */
  readonly keys: readonly Record<string, unknown>[]
  /** One key in PEM, or all keys, each after a comment with its kid; `undefined`: no such key. */
  pem(kid?: string): string | undefined
  /** Time since the database last confirmed it; more than a moment only while the database is away. */
  ageSeconds(): number
}

type PublicKey = Pick<ForeignKey, 'kid' | 'publicJwk'> & { readonly algorithm: string }

export type PublishedRealms = ReturnType<typeof publishedRealms>

export function publishedRealms(
  { clock }: Pick<Dependencies, 'clock'>,
  realms: Pick<LoadedRealms, 'latest'>,
) {
  const published = new WeakMap<object, PublishedRealm & { readonly goodUntil: number }>()
  return {
    /**
     * The current state, or the last known one while the database is away. Returns the same object until it changes.
     * @throws UnknownRealmError
     */
    async find(realmName: string): Promise<PublishedRealm> {
      const loaded = await realms.latest(realmName)
      const known = published.get(loaded)
      if (known && known.goodUntil > clock().getTime()) return known
      const { realm, issuer, keys: own } = loaded
      const foreign = loaded.foreignKeys.filter(({ endsAt }) => endsAt > clock())
      const keys: readonly PublicKey[] = [...own, ...foreign]
      const goodUntil = Math.min(...foreign.map(({ endsAt }) => endsAt.getTime()))
      const ageSeconds = () => Math.max(0, clock().getTime() - loaded.confirmedAt) / 1000
      const pem = (kid?: string) => {
        const chosen = keys.filter((key) => kid === undefined || key.kid === kid)
        const texts = chosen.map((key) => `# ${key.kid} ${key.algorithm}\n${toPem(key.publicJwk)}`)
        return texts.length > 0 ? texts.join('') : undefined
      }
      const made = {
        goodUntil,
        realm,
        issuer,
        keys: keys.map((key) => ({ ...key.publicJwk })),
        pem,
        ageSeconds,
      }
      published.set(loaded, made)
      return made
    },
  }
}
