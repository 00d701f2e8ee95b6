import {
  type CryptoKey,
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose'

/** Unverified header and claims of a JWT; `undefined`: not a JWT. Do not trust them before `verifyJwt`. */
export interface UnverifiedJwt {
  readonly kid: string | undefined
  readonly type?: string | undefined
  readonly claims: JWTPayload
}

export function readUnverifiedJwt(token: string): UnverifiedJwt | undefined {
  if (!isCompact(token)) return undefined
  try {
    const { kid, typ: type } = decodeProtectedHeader(token)
    return { kid, type, claims: decodeJwt(token) }
  } catch {
    return undefined
  }
}

// RFC 7515 sections 2 and 5.2: base64url without padding, in canonical form. Decoders accept more than that.
function isCompact(token: string): boolean {
  const parts = token.split('.')
  return (
    parts.length === 3 && parts.every((part) => part === Buffer.from(part, 'base64url').toString('base64url'))
  )
}

/** A public key ready to verify. */
export async function importVerificationKey(publicJwk: object, algorithm: string): Promise<CryptoKey> {
  return (await importJWK(publicJwk as JWK, algorithm)) as CryptoKey
}

export interface JwtRules {
  /** The key's algorithm; the token's `alg` is not trusted (RFC 8725 section 3.1). */
  readonly algorithm: string
  readonly type: string
  readonly issuer: string
  readonly now: Date
}

/** @throws Error that says what is wrong with the key */
export async function verifyJwt(token: string, key: CryptoKey, rules: JwtRules): Promise<JWTPayload> {
  const { algorithm, type, issuer, now } = rules
  requireWhole(token, key)
  const { payload } = await jwtVerify(token, key, {
    algorithms: [algorithm],
    typ: type,
    issuer,
    currentDate: now,
    requiredClaims: ['exp', 'iat', 'jti', 'client_id'],
  })
  return payload
}

/** The signature of a token of another server; its claims are checked elsewhere. @throws Error that says what is wrong */
export async function verifyForeignJwt(token: string, key: CryptoKey, algorithm: string): Promise<void> {
  requireWhole(token, key)
  await compactVerify(token, key, { algorithms: [algorithm] })
}

/**
 * RFC 8017 section 8.1.2: an RSA signature is as long as the modulus. OpenSSL also accepts a PSS signature without its
 * leading zeros. That would be a second text of the same token.
 * @param modulusLength bits; `undefined`: not an RSA key
 */
export function isAsLongAsModulus(signatureBytes: number, modulusLength: number | undefined): boolean {
  return modulusLength === undefined || signatureBytes === Math.ceil(modulusLength / 8)
}

/** @throws Error where the signature is shorter or longer than the key's */
function requireWhole(token: string, key: CryptoKey): void {
  const bytes = Buffer.byteLength(token.slice(token.lastIndexOf('.') + 1), 'base64url')
  const { modulusLength } = key.algorithm as { modulusLength?: number }
  if (!isAsLongAsModulus(bytes, modulusLength))
    throw new Error('the signature has another length than the key')
}
