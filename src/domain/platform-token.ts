import {
  ASSERTION_TOLERANCE_SECONDS,
  type ClientAssertion,
  MAX_ASSERTION_BYTES,
  MAX_JTI_BYTES,
  parseClientAssertion,
} from './client-assertion.ts'
import { trustDomainOf } from './spiffe.ts'

/** RFC 7523 section 2.2 is that of client-assertion.ts; a JWT-SVID has a type of its own. */
export const SPIFFE_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'

/** The token of a workload's platform. Do not trust its claims before the signature is verified. */
export type PlatformToken = ClientAssertion

/** Why a platform token is refused: for the log and for administrators, outward they are all the same. */
export const PLATFORM_TOKEN_FAULTS = {
  too_large: `longer than ${MAX_ASSERTION_BYTES} bytes`,
  malformed: 'not three parts of base64url, the first two JSON objects',
  algorithm: 'alg is none that the issuer may sign with here',
  header: 'crit, jwk, jku, x5u, x5c or another member of the header that may not be there',
  type: 'typ is not JWT, JOSE, client-authentication+jwt or at+jwt',
  issuer_unknown: 'the realm trusts no issuer of its iss, nor of the trust domain of its sub',
  issuer_disabled: 'the issuer is disabled',
  expiry_missing: 'exp is missing or no number',
  expired: 'exp has passed',
  issued_too_long_ago: 'iat is further back than the issuer’s max_lifetime_seconds',
  issued_in_future: `iat is no number, or more than ${ASSERTION_TOLERANCE_SECONDS} s ahead`,
  lifetime_too_long: 'it is valid for longer than the issuer’s max_lifetime_seconds',
  not_yet_valid: `nbf is no number, or more than ${ASSERTION_TOLERANCE_SECONDS} s ahead`,
  audience: 'aud is missing, or has a value that is not among the issuer’s audiences',
  trust_domain: 'sub is no SPIFFE ID of the trust domain',
  id: `jti is missing, no text, or longer than ${MAX_JTI_BYTES} bytes, and the issuer’s tokens are for single use`,
  keys_unavailable: 'the keys of the issuer cannot be had',
  key_unknown: 'the issuer has no key of that kid',
  key_algorithm: 'alg does not fit the key',
  signature: 'the signature is wrong',
  unbound: 'no workload identity has rules that all hold',
  client: 'no workload identity of that client_id has rules that all hold',
  ambiguous: 'workload identities of two accounts fit, and no client_id says which',
  too_many: 'too many workload identities pin the same values',
  disabled: 'the account is disabled',
  ended: 'the account ended at its expires_at',
  network: 'the address is in none of the allowed_networks of the account',
  used: 'it was used before, and the issuer’s tokens are for single use',
} as const
export type PlatformTokenFault = keyof typeof PLATFORM_TOKEN_FAULTS

/** The same form as a client's own assertion. */
export function parsePlatformToken(text: string): PlatformToken | PlatformTokenFault {
  return parseClientAssertion(text) as PlatformToken | 'too_large' | 'malformed'
}

/** Issuers that a token may be of by its own word, the likeliest first. */
export function issuersNamedBy({ claims }: PlatformToken): readonly string[] {
  const { iss, sub } = claims
  const named = typeof iss === 'string' ? [iss] : []
  const domain = trustDomainOf(sub)
  return domain === undefined ? named : [...named, domain]
}
