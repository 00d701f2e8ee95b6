import { type AccessTokenClaims, decideClaims, type TokenRealm, type TokenSubject } from './access-token.ts'
import type { CustomClaim } from './custom-claim.ts'
import { OAuthError } from './oauth-error.ts'
import { issuerOf, knownAudiences, type Realm } from './realm.ts'
import { Refusal } from './refusal.ts'

/**
 * Maximum size of a token's claims, in bytes of JSON. A Bearer token of that size fits header lines of 8 KiB, nginx's limit,
 * unless ML-DSA signs it.
 */
export const MAX_CLAIMS_BYTES = 5632

/** Claims and their JSON. Serialized once, since every token needs both. */
export interface WrittenClaims {
  readonly claims: AccessTokenClaims
  readonly json: string
}

/**
 * Serializes claims. Leaves out grants that do not fit; introspection returns them.
 * @throws OAuthError `invalid_authorization_details`, `invalid_target`, `invalid_scope` where the rest does not fit
 */
export function writeClaims(claims: AccessTokenClaims, asksForDetails: boolean): WrittenClaims {
  const json = JSON.stringify(claims)
  const bytes = Buffer.byteLength(json)
  if (bytes <= MAX_CLAIMS_BYTES) return { claims, json }
  const { authorization_details, status, ...rest } = claims
  if (!authorization_details) throw tooLong(claims, bytes)
  const shortened = { ...rest, authorization_details_omitted: true, status } as const
  const short = JSON.stringify(shortened)
  const left = Buffer.byteLength(short)
  if (left > MAX_CLAIMS_BYTES) throw tooLong(shortened, left)
  if (asksForDetails)
    throw new OAuthError('invalid_authorization_details', `${LIMIT} Ask for fewer authorization_details.`)
  return { claims: shortened, json: short }
}

const LIMIT = `The claims of the token would take more than ${MAX_CLAIMS_BYTES} bytes.`

function tooLong({ aud, ...rest }: AccessTokenClaims, bytes: number): OAuthError {
  const reason = `claims of ${bytes} bytes: the account has too many roles, scopes, claims or audiences for one token`
  const ofAudiences = bytes - Buffer.byteLength(JSON.stringify(rest))
  return Array.isArray(aud) && bytes - ofAudiences + 1000 <= MAX_CLAIMS_BYTES
    ? new OAuthError('invalid_target', `${LIMIT} Ask for fewer resources.`, reason)
    : new OAuthError('invalid_scope', `${LIMIT} Ask for fewer scopes.`, reason)
}

type Holder = Pick<TokenSubject, 'clientId' | 'roles' | 'scopes' | 'name' | 'claims' | 'metadata' | 'subject'>
type HoldersRealm = Pick<Realm, 'name' | 'scopes' | 'audiences'> &
  Partial<Pick<Realm, 'claims' | 'tokenProfile'>>

/**
 * Refuses roles, scopes and claims that do not fit into a token, unless the change makes them smaller.
 * @throws Refusal `limit_reached`
 */
export function requireRoomForRights(
  publicUrl: string,
  realm: HoldersRealm,
  after: Holder,
  before?: Holder,
): void {
  const bytes = leastBytes(publicUrl, realm, after)
  if (bytes <= MAX_CLAIMS_BYTES || (before && bytes <= leastBytes(publicUrl, realm, before))) return
  const plain = leastBytes(publicUrl, { ...realm, claims: [] }, { ...after, claims: undefined })
  throw noRoom(bytes, plain <= MAX_CLAIMS_BYTES ? 'claims' : 'roles')
}

/**
 * Refuses scopes and claims of a realm that do not fit into a token of an account without roles, unless the change makes them
 * smaller.
 * @throws Refusal `limit_reached`
 */
export function requireRoomForScopes(publicUrl: string, after: HoldersRealm, before?: HoldersRealm): void {
  const bytes = leastBytes(publicUrl, after, ANYBODY)
  if (bytes <= MAX_CLAIMS_BYTES || (before && bytes <= leastBytes(publicUrl, before, ANYBODY))) return
  const plain = leastBytes(publicUrl, { ...after, claims: [] }, ANYBODY)
  throw noRoom(bytes, plain <= MAX_CLAIMS_BYTES ? 'claims' : 'scopes')
}

const ANYBODY: Holder = { clientId: 'x'.repeat(64), name: 'x'.repeat(100), roles: [], scopes: undefined }

function noRoom(bytes: number, field: 'roles' | 'scopes' | 'claims'): Refusal {
  const what = field === 'claims' ? 'claims' : 'roles and scopes'
  const detail = `The claims of its tokens would take ${bytes} bytes, and may take ${MAX_CLAIMS_BYTES}: give fewer or shorter ${what}.`
  return new Refusal('limit_reached', detail, field, MAX_CLAIMS_BYTES)
}

/** Size of a token for a request without parameters, without grants. Counts claims for every audience. */
function leastBytes(publicUrl: string, realm: HoldersRealm, holder: Holder): number {
  const tokenRealm: TokenRealm = {
    issuer: issuerOf(publicUrl, realm.name),
    name: realm.name,
    scopes: realm.scopes,
    audiences: knownAudiences(realm, publicUrl),
    resourceTypes: [],
    tokenLifetimeSeconds: 0,
    claims: forEveryAudience(realm.claims),
    profile: realm.tokenProfile,
    ownAudiences: realm.audiences,
  }
  const claims = holder.claims && forEveryAudience(holder.claims)
  const subject = { ...holder, claims, statusIndex: LONGEST_INDEX, details: [], detailsOmitted: true }
  const nothing = { scope: undefined, targets: { resources: [], audience: undefined } }
  return Buffer.byteLength(JSON.stringify(decideClaims(subject, tokenRealm, nothing, STAMP)))
}

function forEveryAudience(claims: readonly CustomClaim[] = []): readonly CustomClaim[] {
  return claims.map((claim) => ({ ...claim, audiences: undefined }))
}

// At least as long as the values of real tokens.
const LONGEST_INDEX = 2 ** 31 - 1
const STAMP = { now: new Date('2100-01-01T00:00:00Z'), jti: 'x'.repeat(36), address: 'x'.repeat(45) }
