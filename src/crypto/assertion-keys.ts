import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto'
import { algorithmsOf, type KeyAlgorithm, type PublicJwk } from '../domain/client-key.ts'
import { toDer } from './ecdsa-signature.ts'
import { withoutTraces } from './without-traces.ts'

export type VerificationKey = KeyObject

/** A public key ready to verify assertions. */
export interface AssertionKey {
  readonly key: VerificationKey
  readonly algorithms: readonly KeyAlgorithm[]
  /** RSA alone: its signatures are smaller numbers of the same length. */
  readonly modulus: Buffer | undefined
}

/** @throws Error where it is no key */
export function importAssertionKey(jwk: PublicJwk): AssertionKey {
  const key = withoutTraces(() => createPublicKey({ key: jwk, format: 'jwk' }))
  const { n } = key.asymmetricKeyType === 'rsa' ? key.export({ format: 'jwk' }) : {}
  return {
    key,
    algorithms: algorithmsOf(jwk),
    modulus: n === undefined ? undefined : Buffer.from(n, 'base64url'),
  }
}

/** RSA up to 8192 bits: longer signatures have no room in an assertion beside the claims. */
const RSA_BYTES = { min: 256, max: 1024 }

const SIGNATURE_BYTES: Readonly<Record<KeyAlgorithm, number | undefined>> = {
  RS256: undefined,
  PS256: undefined,
  ES256: 64,
  ES384: 96,
  EdDSA: 64,
  Ed25519: 64,
  'ML-DSA-44': 2420,
  'ML-DSA-65': 3309,
  'ML-DSA-87': 4627,
}

/** Returns whether a signature can have that length. If not, it is refused before any key is looked up. */
export function isSignatureLength(algorithm: KeyAlgorithm, bytes: number): boolean {
  const wanted = SIGNATURE_BYTES[algorithm]
  return wanted === undefined ? bytes >= RSA_BYTES.min && bytes <= RSA_BYTES.max : bytes === wanted
}

/** Returns whether the key could have made it. RSA refuses a wrong length, or a value above its modulus, without any work. */
export function fits(
  { algorithms, modulus }: AssertionKey,
  algorithm: KeyAlgorithm,
  signature: Buffer,
): boolean {
  if (!algorithms.includes(algorithm)) return false
  return !modulus || (modulus.length === signature.length && modulus.compare(signature) > 0)
}

const CURVES: Partial<Record<KeyAlgorithm, string>> = { ES256: 'P-256', ES384: 'P-384' }

const standIns = new Map<string, KeyObject>()

/** A stand-in key without a known private half. Verifying with it takes as long as with a real key. */
export function standInKey(algorithm: KeyAlgorithm, signatureBytes: number): KeyObject {
  const name = `${algorithm} ${signatureBytes}`
  const known = standIns.get(name) ?? makeStandIn(algorithm, signatureBytes)
  standIns.set(name, known)
  return known
}

function makeStandIn(algorithm: KeyAlgorithm, signatureBytes: number): KeyObject {
  const namedCurve = CURVES[algorithm]
  if (namedCurve) return generateKeyPairSync('ec', { namedCurve }).publicKey
  if (algorithm === 'EdDSA' || algorithm === 'Ed25519') return generateKeyPairSync('ed25519').publicKey
  if (algorithm !== 'RS256' && algorithm !== 'PS256')
    return generateKeyPairSync(algorithm.toLowerCase() as 'ml-dsa-44').publicKey
  // Odd and of the right length is all that verifying needs of it; a pair of 8192 bits would take seconds to make.
  const modulus = randomBytes(signatureBytes)
  modulus[0] = 0xff
  modulus[signatureBytes - 1] = (modulus.at(-1) as number) | 1
  return createPublicKey({
    key: { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' },
    format: 'jwk',
  })
}

/** Algorithms that are slower than a round trip to another thread. */
function isSlow(algorithm: KeyAlgorithm, signature: Buffer): boolean {
  return algorithm === 'ES384' || (isRsa(algorithm) && signature.length > 512)
}

/**
 * Whether the key made that signature. At once, in half of the time that WebCrypto takes; what is slow, on another thread.
 * @param signature of a length that `isSignatureLength` takes
 */
export function verifySignature(
  algorithm: KeyAlgorithm,
  key: KeyObject,
  input: string,
  signature: Buffer,
): boolean | Promise<boolean> {
  const data = Buffer.from(input)
  const hash = isRsa(algorithm) || algorithm === 'ES256' ? 'sha256' : algorithm === 'ES384' ? 'sha384' : null
  // The key on its own, without options around it, is what Node verifies with soonest.
  const how = algorithm === 'PS256' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : key
  const signed = CURVES[algorithm] ? toDer(signature) : signature
  if (!isSlow(algorithm, signature)) return verify(hash, data, how, signed)
  return new Promise((resolve, reject) => {
    verify(hash, data, how, signed, (error, isRight) => (error ? reject(error) : resolve(isRight)))
  })
}

function isRsa(algorithm: KeyAlgorithm): boolean {
  return algorithm === 'RS256' || algorithm === 'PS256'
}

/**
 * Record of a used assertion: 32 bytes that reveal nothing of it. The lengths keep two different uses from
 * being the same text.
 */
export function usedAssertionHash(realmId: string, clientId: string, jti: string): Buffer {
  const text = ['mintmark used assertion 1', realmId, clientId, jti]
    .map((part) => `${Buffer.byteLength(part)}:${part}`)
    .join('')
  return createHash('sha256').update(text).digest()
}
