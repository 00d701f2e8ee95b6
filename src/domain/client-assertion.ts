import { type AssertionAudience, KEY_ALGORITHMS, type KeyAlgorithm } from './client-key.ts'

/** RFC 7523 section 2.2. */
export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export const MAX_ASSERTION_BYTES = 8192
export const MAX_JTI_BYTES = 128

/** Five minutes, and the tolerance for the client's clock. */
export const MAX_ASSERTION_SECONDS = 330
export const ASSERTION_TOLERANCE_SECONDS = 30

/** How long a used assertion is remembered after its exp: the maximum clock difference, and a margin. */
export const USE_KEPT_SECONDS = 300

/** Why an assertion is refused: for the log alone, outward they are all the same. In the order of the checks. */
export const ASSERTION_FAULTS = {
  too_large: `longer than ${MAX_ASSERTION_BYTES} bytes`,
  malformed: 'not three parts of base64url, the first two JSON objects',
  algorithm: 'alg is not one that assertions may be signed with',
  key_unknown: 'the account has no valid key of that kid',
  key_algorithm: 'alg does not fit the key',
  header: 'crit, jwk, jku, x5u, x5c or another member of the header that may not be there',
  type: 'typ is neither JWT nor client-authentication+jwt',
  issuer: 'iss, sub and client_id are not the same client',
  audience: 'aud is not the issuer alone, nor what else the realm accepts',
  expiry_missing: 'exp is missing or no number',
  expired: 'exp has passed',
  expiry_too_far: `exp is more than ${MAX_ASSERTION_SECONDS} s ahead`,
  issued_in_future: `iat is no number, or more than ${ASSERTION_TOLERANCE_SECONDS} s ahead`,
  not_yet_valid: `nbf is no number, or more than ${ASSERTION_TOLERANCE_SECONDS} s ahead`,
  id: `jti is missing, no text, or longer than ${MAX_JTI_BYTES} bytes`,
  signature: 'the signature is wrong',
  disabled: 'the account is disabled',
  ended: 'the account ended at its expires_at',
  network: 'the address is in none of the allowed_networks of the account',
  used: 'it was used before',
} as const
export type AssertionFault = keyof typeof ASSERTION_FAULTS

/** Claims of an assertion. Do not trust them before the signature is verified. */
export interface ClientAssertion {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The signed bytes. */
  readonly input: string
  readonly signature: Buffer
}

type Members = Readonly<Record<string, unknown>>

export function parseClientAssertion(text: string): ClientAssertion | AssertionFault {
  // In UTF-8 it is at least as long as it has characters; of base64url and dots, it is exactly that.
  if (text.length > MAX_ASSERTION_BYTES) return 'too_large'
  const parts = text.split('.')
  const [header = '', claims = '', signature = ''] = parts
  if (parts.length !== 3) return 'malformed'
  const said = readMembers(header)
  const claimed = readMembers(claims)
  const signed = decode(signature)
  if (!said || !claimed || !signed || signed.length === 0) return 'malformed'
  return {
    header: said,
    claims: claimed,
    input: text.slice(0, header.length + 1 + claims.length),
    signature: signed,
  }
}

function readMembers(part: string): Members | undefined {
  const bytes = decode(part)
  if (!bytes) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Members)
      : undefined
  } catch {
    return undefined
  }
}

// RFC 7515 section 2: base64url alone, and in the one way that the bytes have; decoders skip what is not.
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}

/** The client that an assertion is of, by its own word. */
export function subjectOf({ claims }: ClientAssertion): string | undefined {
  const { sub } = claims
  return typeof sub === 'string' ? sub : undefined
}

/** The algorithm by its own word, where it is one that an assertion may have: never `none` or an HMAC. */
export function assertionAlgorithm({ header }: ClientAssertion): KeyAlgorithm | undefined {
  return KEY_ALGORITHMS.find((algorithm) => algorithm === header['alg'])
}

/** Header members that make demands on the reader, or bring the sender's own key: RFC 7515 sections 4.1.2 to 4.1.11. */
const REFUSED_MEMBERS = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc'] as const

const TYPES: readonly unknown[] = [undefined, 'JWT', 'client-authentication+jwt']

export interface AssertionRules {
  /** client_id of the form; `undefined`: absent. */
  readonly clientId: string | undefined
  readonly issuer: string
  readonly audience: AssertionAudience
  readonly now: Date
}

/** Which of the audiences that may be accepted an assertion has. */
export type AssertedAudience = 'issuer' | 'token_endpoint'

export type CheckedClaims =
  | { readonly fault: AssertionFault }
  | {
      readonly fault?: never
      readonly jti: string
      readonly expiresAt: Date
      readonly audience: AssertedAudience
    }

/** All that can be checked of header and claims without a key. */
export function checkClientAssertion(
  { header, claims }: ClientAssertion,
  rules: AssertionRules,
): CheckedClaims {
  if (REFUSED_MEMBERS.some((member) => member in header)) return { fault: 'header' }
  const { kid } = header
  if (kid !== undefined && typeof kid !== 'string') return { fault: 'header' }
  // An access token has another type, so it is never taken for an assertion.
  if (!TYPES.includes(header['typ'])) return { fault: 'type' }
  const { iss, sub, jti } = claims
  if (typeof iss !== 'string' || iss !== sub) return { fault: 'issuer' }
  if (rules.clientId !== undefined && rules.clientId !== iss) return { fault: 'issuer' }
  const audience = audienceOf(claims['aud'], rules)
  if (!audience) return { fault: 'audience' }
  const fault = faultOfTimes(claims, rules.now.getTime() / 1000)
  if (fault) return { fault }
  if (typeof jti !== 'string' || jti === '' || Buffer.byteLength(jti) > MAX_JTI_BYTES) return { fault: 'id' }
  return { jti, expiresAt: new Date((claims['exp'] as number) * 1000), audience }
}

/** The token endpoint of an issuer. */
export function tokenEndpointOf(issuer: string): string {
  return `${issuer}/protocol/openid-connect/token`
}

// Exactly one value, also as a list of one (RFC 7519 section 4.1.3): with two, another server could replay it here.
function audienceOf(aud: unknown, { issuer, audience }: AssertionRules): AssertedAudience | undefined {
  const [only, ...others] = Array.isArray(aud) ? aud : [aud]
  if (typeof only !== 'string' || others.length > 0) return undefined
  if (only === issuer) return 'issuer'
  return audience === 'issuer_or_token_endpoint' && only === tokenEndpointOf(issuer)
    ? 'token_endpoint'
    : undefined
}

function faultOfTimes({ exp, iat, nbf }: Members, now: number): AssertionFault | undefined {
  if (typeof exp !== 'number') return 'expiry_missing'
  if (exp <= now) return 'expired'
  if (exp > now + MAX_ASSERTION_SECONDS) return 'expiry_too_far'
  if (isLate(iat, now)) return 'issued_in_future'
  return isLate(nbf, now) ? 'not_yet_valid' : undefined
}

function isLate(time: unknown, now: number): boolean {
  return time !== undefined && !(typeof time === 'number' && time <= now + ASSERTION_TOLERANCE_SECONDS)
}
