import type { SigningKey } from '../domain/signing-key.ts'

/** A signing key as JSON of the admin API and of the CLI's `--json`. */
export function signingKeyToWire(key: SigningKey, realmName: string) {
  return {
    kid: key.kid,
    realm: realmName,
    algorithm: key.algorithm,
    state: key.state,
    published_at: key.publishedAt,
    activates_at: key.activatesAt,
    activated_at: key.activatedAt ?? null,
    retired_at: key.retiredAt ?? null,
  }
}
