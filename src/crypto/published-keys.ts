import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { PublicJwk } from '../domain/client-key.ts'
import { MAX_PUBLISHED_KEYS, type PublishedKey } from '../domain/key-source.ts'
import { platformAlgorithmsOf } from '../domain/platform-algorithm.ts'
import { isRsaExponent, isRsaLength } from './client-key.ts'

/** Members that define the key, by `kty`. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  AKP: ['pub', 'alg'],
}

/** What a key may be for: signatures, or the JWT-SVIDs of a SPIFFE bundle. */
const USES: readonly unknown[] = [undefined, 'sig', 'jwt-svid']

export interface ReadKeySet {
  readonly keys: readonly PublishedKey[]
  /** Keys that were left out, and why. */
  readonly notes: readonly string[]
}

/** The set is none: for people. */
export class KeySetError extends Error {
  override readonly name = 'KeySetError'
}

/**
 * The keys of a JWKS (RFC 7517 section 5) or of a SPIFFE bundle that signatures can be verified with; the others are left
 * out with a note, as they may be for something else.
 * @throws KeySetError
 */
export function readKeySet(set: unknown): ReadKeySet {
  const keys: unknown = typeof set === 'object' && set !== null ? (set as { keys?: unknown }).keys : undefined
  if (!Array.isArray(keys)) throw new KeySetError('it is not a JWKS: a JSON object with a list named keys')
  if (keys.length > MAX_PUBLISHED_KEYS)
    throw new KeySetError(`it has ${keys.length} keys, and ${MAX_PUBLISHED_KEYS} is the limit`)
  const read: PublishedKey[] = []
  const notes: string[] = []
  for (const [at, key] of keys.entries()) {
    const found = readKey(key)
    if (typeof found === 'string') notes.push(`keys.${at} is left out: ${found}`)
    else read.push(found)
  }
  return { keys: read, notes }
}

function readKey(sent: unknown): PublishedKey | string {
  if (typeof sent !== 'object' || sent === null) return 'it is no object'
  const jwk = sent as Readonly<Record<string, unknown>>
  const { kty, kid, use, alg, key_ops: uses } = jwk
  if (!USES.includes(use)) return 'its use is not sig'
  if (uses !== undefined && !(Array.isArray(uses) && uses.includes('verify')))
    return 'its key_ops are without verify'
  if (kid !== undefined && !(typeof kid === 'string' && /^[^\p{Cc}\p{Cs}]{1,500}$/u.test(kid)))
    return 'its kid is no text of 1 to 500 characters'
  if (alg !== undefined && typeof alg !== 'string') return 'its alg is no text'
  const members = typeof kty === 'string' && Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined
  if (!members) return 'its kty is not RSA, EC, OKP or AKP'
  const own = Object.fromEntries(['kty', ...members].map((name) => [name, jwk[name]]))
  const named = { ...own, ...(alg !== undefined && { alg }) } as PublicJwk
  if (platformAlgorithmsOf(named).length === 0) return 'its curve or alg is not supported'
  const fault = faultOfKey(own as JsonWebKey)
  return fault ?? { kid, jwk: named }
}

/** The library's message may quote the key. */
function faultOfKey(jwk: JsonWebKey): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails = {} } = createPublicKey({ key: jwk, format: 'jwk' })
    if (asymmetricKeyType !== 'rsa') return undefined
    const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails
    return isRsaLength(modulusLength) && isRsaExponent(publicExponent)
      ? undefined
      : 'an RSA key has 2048 to 8192 bits and an odd exponent from 3'
  } catch {
    return 'it is no public key that can be used here'
  }
}
