import { grantAudience, type Targets } from './audience.ts'
import {
  type AskedDetail,
  type DetailsClaims,
  grantDetails,
  type HeldDetails,
} from './authorization-details.ts'
import { type ClaimSources, type CustomClaim, type Metadata, makeCustomClaims } from './custom-claim.ts'
import type { TokenProfile } from './realm.ts'
import { grantScope } from './scope.ts'
import { type StatusClaim, statusClaimOf } from './status-list.ts'
import {
  type KeycloakRoles,
  keycloakAudience,
  keycloakExtras,
  keycloakRoles,
  NO_ROLES,
} from './token-profile.ts'

export interface TokenSubject extends HeldDetails {
  readonly clientId: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[] | undefined
  readonly statusIndex: number
  readonly name?: string | undefined
  readonly claims?: readonly CustomClaim[] | undefined
  readonly metadata?: Metadata | undefined
  /** Its sub where another server gave it one. */
  readonly subject?: string | undefined
}

export interface TokenRealm {
  readonly issuer: string
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  readonly resourceTypes: readonly string[]
  readonly tokenLifetimeSeconds: number
  readonly name?: string | undefined
  readonly claims?: readonly CustomClaim[] | undefined
  readonly profile?: TokenProfile | undefined
  /** The audiences that its settings name. */
  readonly ownAudiences?: readonly string[] | undefined
}

export interface TokenRequest {
  readonly scope: readonly string[] | undefined
  readonly targets: Targets
  /** `undefined`: all that the account holds. */
  readonly details?: readonly AskedDetail[] | undefined
}

/** Claims of a JWT access token (RFC 9068 section 2.2, RFC 9396 section 9.1). */
export interface AccessTokenClaims extends DetailsClaims, KeycloakRoles {
  readonly iss: string
  readonly sub: string
  readonly azp: string
  readonly client_id: string
  /** `undefined`: a token in Keycloak's shape may have no audience. */
  readonly aud: string | readonly string[] | undefined
  /** `undefined` and absent if there is none: RFC 6749 section 3.3 has no empty scope. */
  readonly scope: string | undefined
  /** Absent in the shape of Keycloak, which has its own. */
  readonly roles?: readonly string[] | undefined
  readonly iat: number
  readonly exp: number
  readonly jti: string
  readonly status: StatusClaim
}

/** What only this token has. */
export interface TokenStamp {
  readonly now: Date
  readonly jti: string
  /** IP address of the client; `undefined`: not known. */
  readonly address?: string | undefined
}

/** Claims of a token: a pure function of account, realm, request and time. */
export function decideClaims(
  subject: TokenSubject,
  realm: TokenRealm,
  request: TokenRequest,
  { now, jti, address }: TokenStamp,
): AccessTokenClaims {
  const audience = grantAudience(request.targets, realm.audiences)
  const scope = grantScope(request.scope, allowedScopes(subject, realm), realm.scopes)
  const details = grantDetails(request.details, subject, realm)
  const iat = Math.floor(now.getTime() / 1000)
  const claims: AccessTokenClaims = {
    iss: realm.issuer,
    sub: subject.clientId,
    azp: subject.clientId,
    client_id: subject.clientId,
    aud: audience.length === 1 ? (audience[0] as string) : audience,
    scope: scope.length > 0 ? scope.join(' ') : undefined,
    roles: subject.roles,
    iat,
    exp: iat + realm.tokenLifetimeSeconds,
    jti,
    ...details,
    status: statusClaimOf(realm.issuer, subject.statusIndex),
  }
  if (realm.profile === 'keycloak') return inShapeOfKeycloak(subject, realm, request, { claims, address })
  if (!subject.claims && !realm.claims?.length) return claims
  // The server's own claims come last, so that nothing replaces them.
  return { ...customClaimsOf(subject, realm, address, claims), ...claims }
}

/** The same as Keycloak would write them. What it says itself about type and roles, no setting replaces. */
function inShapeOfKeycloak(
  subject: TokenSubject,
  realm: TokenRealm,
  { targets }: TokenRequest,
  { claims, address }: { readonly claims: AccessTokenClaims; readonly address: string | undefined },
): AccessTokenClaims {
  const { roles: _, ...rest } = claims
  const isAsked = targets.resources.length > 0 || targets.audience !== undefined
  const audience = isAsked ? [rest.aud ?? []].flat() : (realm.ownAudiences ?? []).slice(0, 1)
  const roles = keycloakRoles(subject.roles)
  const { clientId } = subject
  const own = {
    ...rest,
    sub: subject.subject ?? clientId,
    aud: keycloakAudience(audience, roles, clientId),
    typ: 'Bearer',
    ...roles,
  }
  const custom = customClaimsOf(subject, realm, address, own)
  return { ...keycloakExtras(clientId, address), ...custom, ...NO_ROLES, ...own }
}

/** Claims that settings of account and realm add to a token, whose own claims are decided. */
function customClaimsOf(
  subject: TokenSubject,
  realm: TokenRealm,
  address: string | undefined,
  { aud, scope }: Pick<AccessTokenClaims, 'aud' | 'scope'>,
): Readonly<Record<string, unknown>> {
  const sources = sourcesOf(subject, realm, address, scope?.split(' ') ?? [])
  return makeCustomClaims({ own: subject.claims, ofRealm: realm.claims }, sources, [aud ?? []].flat()).claims
}

/** What claims of settings are made from. */
export function sourcesOf(
  {
    clientId: client_id,
    name = '',
    roles,
    metadata,
  }: Pick<TokenSubject, 'clientId' | 'name' | 'roles' | 'metadata'>,
  realm: Pick<TokenRealm, 'name'>,
  address: string | undefined,
  scope: readonly string[],
): ClaimSources {
  return { client_id, name, roles, scope, address, realm: realm.name ?? '', metadata }
}

// Ignores scopes of the account that the realm no longer defines.
export function allowedScopes(
  subject: Pick<TokenSubject, 'scopes'>,
  realm: Pick<TokenRealm, 'scopes'>,
): readonly string[] {
  return subject.scopes?.filter((scope) => realm.scopes.includes(scope)) ?? realm.scopes
}
