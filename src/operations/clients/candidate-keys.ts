import {
  type AssertionKey,
  fits,
  importAssertionKey,
  standInKey,
  type VerificationKey,
} from '../../crypto/assertion-keys.ts'
import type { KeyAlgorithm, PublicJwk } from '../../domain/client-key.ts'
import type { KeyRecord } from '../../storage/assertion-records.ts'
import { boundedCache } from '../bounded-cache.ts'

/** A key that an assertion may be of. */
export interface Candidate {
  readonly key: VerificationKey
  /** `undefined`: a stand-in without a known private half. */
  readonly record: KeyRecord | undefined
}

/** Unverified data of an assertion. */
export interface Signed {
  readonly kid: string | undefined
  readonly algorithm: KeyAlgorithm
  readonly signature: Buffer
}

/** Keys tried for an assertion without kid: the two newest, so that a rotation works. */
const TRIED_WITHOUT_KID = 2

/**
 * Finds out which keys to try. Keys are imported once: they are public, and are what their text says.
 * @param capacity keys ready to verify with
 */
export function createCandidateKeys(
  capacity: number,
): (keys: readonly KeyRecord[], signed: Signed, now: Date) => Candidate[] {
  const imported = boundedCache<AssertionKey>(capacity)

  function open(jwk: string): AssertionKey {
    const key = imported.get(jwk) ?? importAssertionKey(JSON.parse(jwk) as PublicJwk)
    imported.set(jwk, key)
    return key
  }

  /** The same number for every client, known or not, so that verifying takes as long. */
  return (keys, { kid, algorithm, signature }, now) => {
    const wanted = kid === undefined ? TRIED_WITHOUT_KID : 1
    const candidates: Candidate[] = []
    for (const record of kid === undefined ? newestFirst(keys) : keys) {
      if (candidates.length === wanted) break
      if ((kid !== undefined && record.kid !== kid) || !isValid(record, now)) continue
      const key = open(record.jwk)
      if (fits(key, algorithm, signature)) candidates.push({ key: key.key, record })
    }
    while (candidates.length < wanted)
      candidates.push({ key: standInKey(algorithm, signature.length), record: undefined })
    return candidates
  }
}

function newestFirst(keys: readonly KeyRecord[]): readonly KeyRecord[] {
  return [...keys].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
}

export function isValid({ expiresAt }: KeyRecord, now: Date): boolean {
  return !expiresAt || expiresAt > now
}
