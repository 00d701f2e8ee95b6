import type { ForeignKey } from '../domain/foreign-key.ts'

/** A key of another server as JSON of the admin API and of the CLI's `--json`. */
export function foreignKeyToWire(key: ForeignKey, realmName: string) {
  return {
    kid: key.kid,
    realm: realmName,
    algorithm: key.algorithm as string,
    issuer: key.issuer,
    published_at: key.publishedAt,
    until: key.endsAt,
  }
}
