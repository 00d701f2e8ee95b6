import { type AssertionAudience, AUTH_METHODS, type AuthMethod } from './client-key.ts'
import type { CustomClaim } from './custom-claim.ts'
import type { IntrospectionAudiences } from './introspection-audience.ts'
import type { LeakedSecretAction } from './leaked-secret.ts'
import type { Quota } from './quota.ts'
import { Refusal } from './refusal.ts'
import { BUILT_IN_ROLES, PLATFORM_ADMIN } from './role.ts'

/** JWS algorithms a realm may sign with (RFC 7518, RFC 8037, ML-DSA for JOSE), by `jose`'s names. */
export const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** `typ` of access tokens: the one of RFC 9068, or `JWT` for validators that accept no other. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'JWT'] as const
export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number]

/** Shape of access tokens: RFC 9068, or that of Keycloak for a realm that was moved from there. */
export const TOKEN_PROFILES = ['rfc9068', 'keycloak'] as const
export type TokenProfile = (typeof TOKEN_PROFILES)[number]

export const SYSTEM_REALM = 'system'
export const MIN_TOKEN_LIFETIME_SECONDS = 30
export const MAX_TOKEN_LIFETIME_SECONDS = 3600

/** An isolated set of accounts, keys and settings with an issuer of its own. */
export interface Realm {
  readonly id: string
  readonly name: string
  readonly displayName: string
  readonly algorithm: Algorithm
  readonly tokenLifetimeSeconds: number
  readonly serviceAccountLimit: number
  readonly serviceAccountCount: number
  readonly scopes: readonly string[]
  /** Allowed audiences of tokens; the first is the default. Empty: the issuer only. */
  readonly audiences: readonly string[]
  /** Roles in addition to the built-in ones. */
  readonly roles: readonly string[]
  /** Types of protected resources in addition to device and device_group. */
  readonly resourceTypes: readonly string[]
  readonly keyRotationSeconds: number
  readonly keyPublishSeconds: number
  readonly jwksMaxAgeSeconds: number
  /** Until when caches may hold a JWKS that was sent with a longer max-age. */
  readonly jwksCachedUntil: Date | undefined
  readonly leakedSecretAction: LeakedSecretAction
  readonly introspectionAudiences: IntrospectionAudiences
  readonly tokenTypeHeader: TokenTypeHeader
  /** By what new service accounts may authenticate, and what may be added to those that are there. */
  readonly allowedAuthMethods: readonly AuthMethod[]
  /** What the assertions of its service accounts may be for. */
  readonly assertionAudience: AssertionAudience
  /** Claims that every token gets; an account's own win. */
  readonly claims: readonly CustomClaim[]
  readonly tokenProfile: TokenProfile
  /** Its token endpoint does all that a token takes, gives none, and counts what would have failed. */
  readonly shadowMode: boolean
  /** Tokens that its accounts may get together; `null`: any number. */
  readonly quota: Quota | null
  /** Maximum age of the secrets of its accounts; 0: any. */
  readonly maxSecretAgeSeconds: number
  /** Age at which its audit events are deleted; `null`: that of the policy. */
  readonly auditRetentionDays: number | null
  /** True once a secret was imported. Until then, no token request needs argon2id. */
  readonly importsSecrets: boolean
  /** Incremented by every change that a token or the JWKS could show. */
  readonly version: string
  readonly createdAt: Date
}

export interface RealmSettings {
  displayName: string
  algorithm: Algorithm
  tokenLifetimeSeconds: number
  serviceAccountLimit: number
  scopes: readonly string[]
  audiences: readonly string[]
  roles: readonly string[]
  resourceTypes: readonly string[]
  keyRotationSeconds: number
  keyPublishSeconds: number
  jwksMaxAgeSeconds: number
  leakedSecretAction: LeakedSecretAction
  introspectionAudiences: IntrospectionAudiences
  tokenTypeHeader: TokenTypeHeader
  allowedAuthMethods: readonly AuthMethod[]
  assertionAudience: AssertionAudience
  claims: readonly CustomClaim[]
  tokenProfile: TokenProfile
  shadowMode: boolean
  quota: Quota | null
  maxSecretAgeSeconds: number
  auditRetentionDays: number | null
}

export const DEFAULT_REALM_SETTINGS: RealmSettings = {
  displayName: '',
  algorithm: 'ES256',
  tokenLifetimeSeconds: 300,
  serviceAccountLimit: 25,
  scopes: ['view'],
  audiences: [],
  roles: [],
  resourceTypes: [],
  keyRotationSeconds: 90 * 86_400,
  keyPublishSeconds: 86_400,
  jwksMaxAgeSeconds: 300,
  leakedSecretAction: 'disable',
  introspectionAudiences: 'served',
  tokenTypeHeader: 'at+jwt',
  allowedAuthMethods: AUTH_METHODS,
  assertionAudience: 'issuer_or_token_endpoint',
  shadowMode: false,
  quota: null,
  maxSecretAgeSeconds: 0,
  auditRetentionDays: null,
  claims: [],
  tokenProfile: 'rfc9068',
}

/** Prefix of the name of a deleted realm until its rows are gone. No other realm may have it. */
export const DELETED_REALM_PREFIX = '-deleted-'

export const NEW_REALM_NAME_PATTERN = '^(?!-deleted-)[a-z0-9-]{1,63}$'
const REALM_NAME = new RegExp(NEW_REALM_NAME_PATTERN)

export function isRealmName(name: string): boolean {
  return REALM_NAME.test(name)
}

/** Issuer identifier of a realm. Validators compare it byte for byte (RFC 8414 section 2). */
export function issuerOf(publicUrl: string, realmName: string): string {
  return `${publicUrl}/realms/${realmName}`
}

export function checkRealmName(name: string): void {
  if (!isRealmName(name))
    throw new Refusal('invalid', 'A realm name is 1 to 63 lower-case letters, digits and hyphens.', 'name')
  if (name === SYSTEM_REALM) throw new Refusal('invalid', 'The realm name "system" is reserved.', 'name')
}

/** Refuses roles, scopes and audiences that an account of this realm cannot have. */
export function checkAccountRights(
  realm: Pick<Realm, 'name' | 'roles' | 'scopes' | 'audiences'>,
  { roles, scopes, introspectsAudiences }: AccountRights,
  publicUrl: string,
): void {
  const own = realm.name === SYSTEM_REALM ? [...realm.roles, PLATFORM_ADMIN] : realm.roles
  if (roles) checkSubset('roles', roles, [...BUILT_IN_ROLES, ...own])
  if (scopes) checkSubset('scopes', scopes, realm.scopes)
  if (introspectsAudiences)
    checkSubset('introspects_audiences', introspectsAudiences, knownAudiences(realm, publicUrl))
}

interface AccountRights {
  readonly roles?: readonly string[] | undefined
  readonly scopes?: readonly string[] | null | undefined
  readonly introspectsAudiences?: readonly string[] | null | undefined
}

/** A refusal names so many right values at most. */
const MAX_NAMED = 50

function checkSubset(field: string, values: readonly string[], known: readonly string[]): void {
  if (values.every((value) => known.includes(value)) && new Set(values).size === values.length) return
  const more = known.length > MAX_NAMED ? `, and ${known.length - MAX_NAMED} more` : ''
  const named = `${known.slice(0, MAX_NAMED).join(', ')}${more}`
  throw new Refusal('invalid', `${field} must be different ones of: ${named}.`, field)
}

/** Audience of the admin API, which is a resource server of its own. */
export function adminAudienceOf(publicUrl: string): string {
  return `${publicUrl}/admin`
}

/** Allowed audiences of the realm's tokens, the default first. */
export function knownAudiences(
  realm: Pick<Realm, 'name' | 'audiences'>,
  publicUrl: string,
): readonly string[] {
  // The issuer is a resource server too: its introspection endpoint accepts tokens.
  const own = [...realm.audiences, issuerOf(publicUrl, realm.name)]
  const admin = adminAudienceOf(publicUrl)
  const all = realm.name === SYSTEM_REALM ? [admin, ...own] : [...own, admin]
  return [...new Set(all)]
}
