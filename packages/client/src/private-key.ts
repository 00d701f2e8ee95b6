import { constants, createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'

/** A fault of a private key. The message never contains any of the key. */
export class PrivateKeyError extends Error {
  override readonly name = 'PrivateKeyError'
}

/** A private key that assertions can be signed with. */
export interface SigningKey {
  readonly key: KeyObject
  readonly algorithm: string
  readonly keyId: string | undefined
}

const LIFETIME_SECONDS = 60

/**
 * Reads a private key from PEM (PKCS #8, SEC 1, PKCS #1) or a JWK, whose `kid` and `alg` count.
 * @throws {PrivateKeyError}
 */
export function readPrivateKey(text: string, keyId?: string): SigningKey {
  const { key, kid, alg } = text.trimStart().startsWith('{') ? readJwk(text) : readPem(text)
  const { modulusLength = 2048 } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < 2048) throw new PrivateKeyError('the RSA key is shorter than 2048 bits')
  const algorithm = algorithmsOf(key).find((one) => alg === undefined || one === alg)
  if (algorithm === undefined)
    throw new PrivateKeyError('it is not a key for RS256, PS256, ES256, ES384, EdDSA or ML-DSA')
  return { key, algorithm, keyId: keyId ?? kid }
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

/** Algorithms that the key can sign with; the first is the one of a key that names none. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): string[] {
  const type: string = asymmetricKeyType ?? ''
  if (type === 'rsa') return ['RS256', 'PS256']
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return ['ES256']
  if (type === 'ec' && details?.namedCurve === 'secp384r1') return ['ES384']
  if (type === 'ed25519') return ['EdDSA', 'Ed25519']
  return /^ml-dsa-/.test(type) ? [type.toUpperCase()] : []
}

/**
 * An assertion for one token request (RFC 7523 section 3), for the issuer alone.
 * @param now milliseconds since the epoch
 */
export function makeAssertion(
  { key, algorithm, keyId }: SigningKey,
  clientId: string,
  issuer: string,
  now: number,
): string {
  const iat = Math.floor(now / 1000)
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: randomUUID(),
    iat,
    exp: iat + LIFETIME_SECONDS,
  }
  const input = [{ alg: algorithm, kid: keyId, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${signatureOf(key, algorithm, Buffer.from(input)).toString('base64url')}`
}

function signatureOf(key: KeyObject, algorithm: string, input: Buffer): Buffer {
  if (algorithm === 'RS256') return sign('sha256', input, key)
  if (algorithm === 'PS256')
    return sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
  if (algorithm === 'ES256') return sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'ES384') return sign('sha384', input, { key, dsaEncoding: 'ieee-p1363' })
  return sign(null, input, key)
}
