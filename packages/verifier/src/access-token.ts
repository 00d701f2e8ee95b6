import { invalidClaim, isText } from './claim-values.ts'
import { checkKind, readRoles, type TokenProfile } from './profile.ts'
import { isRecord } from './strict-json.ts'
import { TokenError } from './token-error.ts'

/** A permission on one object or group of objects (RFC 9396 section 2). */
export interface AuthorizationDetail {
  /** What kind of thing, for example `device` or `device_group`. */
  readonly type: string
  /** Which one. */
  readonly identifier?: string
  /** The roles held on it. */
  readonly privileges?: readonly string[]
  readonly [member: string]: unknown
}

/** A verified access token (RFC 9068 section 2.2). */
export interface AccessToken {
  /** `iss`: the realm that issued it. */
  readonly issuer: string
  /** `sub`: for a service account the same as `clientId`, or what another server gave it. */
  readonly subject: string
  /** `client_id`: the service account. With profile `keycloak`, `azp` where there is none. */
  readonly clientId: string
  /** `aud`: the resources it is for. */
  readonly audience: readonly string[]
  /** `scope`, split at spaces; empty when the token has none. */
  readonly scope: readonly string[]
  /** `roles`: those held on the whole realm; empty when the token has none. With profile `keycloak` from its claims. */
  readonly roles: readonly string[]
  /** `authorization_details`: those held on single objects and groups; empty when the token has none. */
  readonly authorizationDetails: readonly AuthorizationDetail[]
  /** True when the issuer left `authorization_details` out because they were too many. `mayOn` then asks the issuer. */
  readonly authorizationDetailsOmitted: boolean
  /** `iat`. */
  readonly issuedAt: Date
  /** `exp`. */
  readonly expiresAt: Date
  /** `jti`: names this token alone. */
  readonly id: string
  /** All claims as the issuer wrote them. */
  readonly claims: Readonly<Record<string, unknown>>
}

export interface ClaimRules {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly clockToleranceSeconds: number
  readonly profile: TokenProfile
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Checks the claims (RFC 9068 section 4). */
export function readAccessToken(claims: Record<string, unknown>, rules: ClaimRules): AccessToken {
  const { iss, aud, scope, authorization_details, authorization_details_omitted } = claims
  if (iss !== rules.issuer) throw new TokenError('wrong_issuer')
  const audience = readAudience(aud)
  if (!audience.some((value) => isFor(value, rules.audiences))) throw new TokenError('wrong_audience')
  const { iat, exp } = checkTimes(claims, rules)
  checkKind(claims, rules.profile)
  const named = rules.profile === 'keycloak' && claims['client_id'] === undefined ? 'azp' : 'client_id'
  return {
    issuer: rules.issuer,
    subject: readText(claims, 'sub'),
    clientId: readText(claims, named),
    audience,
    scope: readScope(scope),
    roles: readRoles(claims, rules.profile),
    authorizationDetails: readDetails(authorization_details),
    authorizationDetailsOmitted: authorization_details_omitted === true,
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    id: readText(claims, 'jti'),
    claims,
  }
}

/** A bare origin is the same resource with and without its final slash (RFC 3986 section 6.2.3). */
function isFor(audience: string, known: readonly string[]): boolean {
  return (
    known.includes(audience) || known.some((one) => withoutFinalSlash(one) === withoutFinalSlash(audience))
  )
}

function withoutFinalSlash(value: string): string {
  return /^https?:\/\/[^/?#]+\/$/.test(value) ? value.slice(0, -1) : value
}

/** Clock skew that the server allows its nodes: tokens of a fast node count at once. */
export const NODE_SKEW_SECONDS = 60

/** Checks `exp`, `iat` and `nbf` against the clock as it is now. */
export function checkTimes(
  claims: Record<string, unknown>,
  { now, clockToleranceSeconds }: Pick<ClaimRules, 'now' | 'clockToleranceSeconds'>,
) {
  const seconds = now() / 1000
  const exp = readTime(claims, 'exp')
  const iat = readTime(claims, 'iat')
  if (exp <= seconds - clockToleranceSeconds) throw new TokenError('expired')
  const latest = seconds + Math.max(clockToleranceSeconds, NODE_SKEW_SECONDS)
  if (iat > latest) throw new TokenError('not_yet_valid', { reason: 'iat' })
  if (Object.hasOwn(claims, 'nbf') && readTime(claims, 'nbf') > latest)
    throw new TokenError('not_yet_valid', { reason: 'nbf' })
  return { iat, exp }
}

/** Reads `authorization_details` as a token or an introspection answer has them. */
export function readDetails(value: unknown): readonly AuthorizationDetail[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || !value.every(isDetail)) throw invalidClaim('authorization_details')
  return value
}

function isDetail(value: unknown): value is AuthorizationDetail {
  if (!isRecord(value)) return false
  const { type, identifier, privileges } = value
  if (typeof type !== 'string') return false
  if (identifier !== undefined && typeof identifier !== 'string') return false
  return privileges === undefined || (Array.isArray(privileges) && privileges.every(isText))
}

function readAudience(value: unknown): readonly string[] {
  if (isText(value)) return [value]
  if (Array.isArray(value) && value.every(isText)) return value
  throw invalidClaim('aud')
}

/** Reads `scope` as a token or an introspection answer has it. */
export function readScope(value: unknown): readonly string[] {
  if (value === undefined || value === '') return []
  if (typeof value !== 'string') throw invalidClaim('scope')
  return value.split(' ')
}

function readText(claims: Record<string, unknown>, name: string): string {
  const value = claims[name]
  if (!isText(value)) throw invalidClaim(name)
  return value
}

// Beyond this, a Date cannot say it.
const LAST_SECOND = 8_640_000_000_000

function readTime(claims: Record<string, unknown>, name: string): number {
  const value = claims[name]
  if (typeof value !== 'number' || !(Math.abs(value) <= LAST_SECOND)) throw invalidClaim(name)
  return value
}
