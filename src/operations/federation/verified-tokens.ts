import { tokenDigest } from '../../crypto/platform-keys.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { boundedCache } from '../bounded-cache.ts'

/** Tokens remembered, about 200 bytes each. */
const CAPACITY = 50_000

interface Verified {
  readonly issuerId: string
  readonly keysVersion: string
}

/**
 * Which signatures were right, by the digest of the token: platforms hand the same one out again for an hour. Nothing else
 * about a token is remembered: all but its signature is checked again, on rows that are read again.
 */
export function verifiedTokens() {
  const known = boundedCache<Verified>(CAPACITY)
  return {
    digestOf: tokenDigest,

    /** Whether it was right by keys of that version. */
    has(digest: string, realmId: string, { id }: TrustedIssuer, keysVersion: string): boolean {
      const found = known.get(digest)
      return found?.issuerId === `${realmId} ${id}` && found.keysVersion === keysVersion
    },

    add(digest: string, realmId: string, { id }: TrustedIssuer, keysVersion: string): void {
      known.set(digest, { issuerId: `${realmId} ${id}`, keysVersion })
    },

    isKnown: (digest: string) => known.has(digest),
  }
}
