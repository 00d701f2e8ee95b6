import { constants, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import { algorithmsOf, type KeyAlgorithm, type PublicJwk } from '../domain/client-key.ts'

/** A fault of a private key. The message never contains any of the key. */
export class PrivateKeyError extends Error {
  override readonly name = 'PrivateKeyError'
}

/** A private key that assertions can be signed with. */
export interface AssertionSigner {
  readonly key: KeyObject
  readonly algorithm: KeyAlgorithm
  /** kid of the JWK, if it has one. */
  readonly kid: string | undefined
}

/**
 * Reads a private key from PEM (PKCS #8, SEC 1, PKCS #1) or a JWK.
 * @throws PrivateKeyError
 */
export function readPrivateKey(text: string): AssertionSigner {
  const { key, kid, alg } = text.trimStart().startsWith('{') ? readJwk(text) : readPem(text)
  const jwk = createPublicKey(key).export({ format: 'jwk' }) as PublicJwk
  const { modulusLength = 2048 } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048) throw new PrivateKeyError('the RSA key is shorter than 2048 bits')
  const [algorithm] = algorithmsOf(alg === undefined ? jwk : { ...jwk, alg })
  if (algorithm === undefined)
    throw new PrivateKeyError('it is not a key for RS256, PS256, ES256, ES384, EdDSA or ML-DSA')
  return { key, algorithm, kid }
}

interface ReadKey {
  readonly key: KeyObject
  readonly kid: string | undefined
  readonly alg: string | undefined
}

function readPem(text: string): ReadKey {
  if (/ENCRYPTED/.test(text))
    throw new PrivateKeyError('the key is encrypted; decrypt it first: openssl pkey -in FILE -out NEW_FILE')
  if (/-----BEGIN (RSA )?PUBLIC KEY|-----BEGIN CERTIFICATE/.test(text))
    throw new PrivateKeyError('it is a public key; give the private one')
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new PrivateKeyError('it is neither a private key in PEM nor a JWK')
  try {
    return { key: createPrivateKey(text), kid: undefined, alg: undefined }
  } catch {
    throw new PrivateKeyError('the PEM is damaged, or not of a private key')
  }
}

function readJwk(text: string): ReadKey {
  let jwk: Record<string, unknown>
  try {
    jwk = JSON.parse(text)
  } catch {
    throw new PrivateKeyError('the JSON is damaged')
  }
  if ('keys' in jwk) throw new PrivateKeyError('it is a set of keys; give one JWK')
  if (!('d' in jwk || 'priv' in jwk)) throw new PrivateKeyError('it is a public key; give the private one')
  const { kid, alg } = jwk
  try {
    return {
      key: createPrivateKey({ key: jwk as never, format: 'jwk' }),
      kid: typeof kid === 'string' ? kid : undefined,
      alg: typeof alg === 'string' ? alg : undefined,
    }
  } catch {
    throw new PrivateKeyError('the JWK is damaged, or not of a private key')
  }
}

const LIFETIME_SECONDS = 60

/** An assertion for one request (RFC 7523 section 3). */
export function makeClientAssertion(
  { key, algorithm, kid }: AssertionSigner,
  clientId: string,
  audience: string,
  now: Date,
): string {
  const iat = Math.floor(now.getTime() / 1000)
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: audience,
    jti: randomUUID(),
    iat,
    exp: iat + LIFETIME_SECONDS,
  }
  const input = [{ alg: algorithm, kid, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${signatureOf(key, algorithm, Buffer.from(input)).toString('base64url')}`
}

function signatureOf(key: KeyObject, algorithm: KeyAlgorithm, input: Buffer): Buffer {
  if (algorithm === 'RS256') return sign('sha256', input, key)
  if (algorithm === 'PS256')
    return sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
  const hash = algorithm === 'ES256' ? 'sha256' : algorithm === 'ES384' ? 'sha384' : null
  return sign(hash, input, hash === null ? key : { key, dsaEncoding: 'ieee-p1363' })
}
