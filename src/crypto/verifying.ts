import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose'

/** What a JWT says of itself, not to be believed before `verifyJwt`. `undefined`: it is none. */
export interface UnverifiedJwt {
  readonly kid: string | undefined
  readonly claims: JWTPayload
}

export function readUnverifiedJwt(token: string): UnverifiedJwt | undefined {
  if (!isCompact(token)) return undefined
  try {
    return { kid: decodeProtectedHeader(token).kid, claims: decodeJwt(token) }
  } catch {
    return undefined
  }
}

// RFC 7515 sections 2 and 5.2: base64url alone, written in the one way that the bytes have; decoders skip what is not.
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
  /** The key's own: what a token says of its algorithm is not asked (RFC 8725 section 3.1). */
  readonly algorithm: string
  readonly type: string
  readonly issuer: string
  readonly now: Date
}

/** @throws Error saying what is wrong with it */
export async function verifyJwt(token: string, key: CryptoKey, rules: JwtRules): Promise<JWTPayload> {
  const { algorithm, type, issuer, now } = rules
  const { payload } = await jwtVerify(token, key, {
    algorithms: [algorithm],
    typ: type,
    issuer,
    currentDate: now,
    requiredClaims: ['exp', 'iat', 'jti', 'client_id'],
  })
  return payload
}
