import { isPathStep } from './client-key.ts'
import type { PlatformAlgorithm } from './platform-algorithm.ts'
import { Refusal } from './refusal.ts'

/** A public key of the server that a realm was moved from. */
export interface ForeignKey {
  readonly kid: string
  readonly algorithm: PlatformAlgorithm
  /** `iss` of the tokens that it signed. */
  readonly issuer: string
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly publishedAt: Date
  /** From then on it is not published, and its tokens count no longer. */
  readonly endsAt: Date
}

/** A realm has so many at most. */
export const MAX_FOREIGN_KEYS = 10

export const MAX_FOREIGN_KEY_DAYS = 90

export const MAX_FOREIGN_ISSUER_LENGTH = 1000

export const FOREIGN_KID_PATTERN = '^[A-Za-z0-9._~:=+-]{1,200}$'

const KID = new RegExp(FOREIGN_KID_PATTERN)

export function checkForeignKid(kid: string | undefined): asserts kid is string {
  if (kid === undefined || !KID.test(kid) || isPathStep(kid))
    throw new Refusal('invalid', 'Each key needs a kid of 1 to 200 letters, digits and . _ ~ : = + -', 'jwks')
}

/** @throws Refusal `invalid` */
export function checkEnd(endsAt: Date, now: Date): void {
  const days = (endsAt.getTime() - now.getTime()) / 86_400_000
  if (!(days > 0 && days <= MAX_FOREIGN_KEY_DAYS))
    throw new Refusal('invalid', `The keys must end within the next ${MAX_FOREIGN_KEY_DAYS} days.`, 'until')
}

/** @throws Refusal `invalid` */
export function checkOldIssuer(issuer: string): void {
  if (
    issuer.length > MAX_FOREIGN_ISSUER_LENGTH ||
    !/^https?:\/\/[\x21-\x7e]+$/.test(issuer) ||
    !URL.canParse(issuer)
  )
    throw new Refusal('invalid', 'issuer must be the iss of the old tokens: an http or https URL.', 'issuer')
}

/** What the seal of a stored key covers: nothing of it can be changed. */
export function foreignKeyText(realmId: string, key: Omit<ForeignKey, 'publishedAt'>): string {
  const { kid, algorithm, issuer, publicJwk, endsAt } = key
  return JSON.stringify(['foreign key', realmId, kid, algorithm, issuer, publicJwk, endsAt.toISOString()])
}

const HEADER_TYPES: readonly unknown[] = ['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined]

/** The claims of a token of the previous server that are used. */
export interface ForeignClaims {
  readonly clientId: string
  readonly iat: number
  readonly exp: number
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Reads claims of an access token of the previous server; `undefined`: it is none, or not well-formed. ID tokens, refresh
 * tokens and the like have the same signature.
 */
export function readForeignClaims(
  type: unknown,
  claims: Readonly<Record<string, unknown>>,
): ForeignClaims | undefined {
  const { typ, client_id = claims['azp'], iat, exp, nbf, jti } = claims
  if (!HEADER_TYPES.includes(type) || (typ !== undefined && typ !== 'Bearer')) return undefined
  if ('nonce' in claims || 'at_hash' in claims || 'events' in claims) return undefined
  if (typeof client_id !== 'string' || !isTime(iat) || !isTime(exp)) return undefined
  if (nbf !== undefined && !isTime(nbf)) return undefined
  if (jti !== undefined && !(typeof jti === 'string' && jti !== '' && jti.length <= 200)) return undefined
  if (!hasRightShapes(claims)) return undefined
  // Grants and status are this server's own to give.
  const { authorization_details: _, authorization_details_omitted: _o, status: _s, ...rest } = claims
  return { clientId: client_id, iat, exp, claims: { ...withScope(rest), client_id } }
}

/** Hydra names the scope as a list in `scp`. */
function withScope({ scp, ...claims }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (claims['scope'] === undefined && isTexts(scp)) return { ...claims, scope: scp.join(' ') }
  return scp === undefined ? claims : { ...claims, scp }
}

function hasRightShapes({
  aud,
  scope,
  roles,
  realm_access,
  resource_access = {},
}: Readonly<Record<string, unknown>>): boolean {
  const isRoles = (access: unknown) => isObject(access) && isTexts(access['roles'])
  return (
    (aud === undefined || typeof aud === 'string' || isTexts(aud)) &&
    (scope === undefined || typeof scope === 'string') &&
    (roles === undefined || isTexts(roles)) &&
    (realm_access === undefined || isRoles(realm_access)) &&
    isObject(resource_access) &&
    Object.values(resource_access).every(isRoles)
  )
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) < 8_640_000_000_000
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
