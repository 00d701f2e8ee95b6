import { constants, createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'

/** A private key that assertions can be signed with. */
export interface SigningKey {
  readonly key: KeyObject
  readonly algorithm: string
  readonly keyId: string | undefined
}

const LIFETIME_SECONDS = 60

/**
 * Reads a private key from PEM (PKCS #8, SEC 1, PKCS #1) or a JWK, whose `kid` and `alg` count.
 * @throws {Error} that shows nothing of the key
 */
export function readPrivateKey(text: string, keyId?: string): SigningKey {
  const jwk = text.trimStart().startsWith('{') ? readObject(text) : undefined
  const key = importKey(text, jwk)
  const algorithm = typeof jwk?.['alg'] === 'string' ? jwk['alg'] : algorithmOf(key)
  const kid = typeof jwk?.['kid'] === 'string' ? jwk['kid'] : undefined
  return { key, algorithm, keyId: keyId ?? kid }
}

function readObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw new Error('the private key is neither PEM nor a JWK')
  }
}

function importKey(text: string, jwk: Record<string, unknown> | undefined): KeyObject {
  try {
    return createPrivateKey(jwk ? { key: jwk as never, format: 'jwk' } : text)
  } catch {
    throw new Error('the private key is neither PEM nor a JWK, or it is encrypted or damaged')
  }
}

function algorithmOf(key: KeyObject): string {
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = key
  if (type === 'rsa') return 'RS256'
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256'
  if (type === 'ec' && details?.namedCurve === 'secp384r1') return 'ES384'
  if (type === 'ed25519') return 'EdDSA'
  if (/^ml-dsa-/.test(type)) return type.toUpperCase()
  throw new Error(`the private key is of a kind that the issuer does not take: ${type}`)
}

/** An assertion for one request (RFC 7523 section 3), for the issuer alone. */
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
