import { isAbsoluteUri } from './audience.ts'
import {
  ASSERTION_AUDIENCES,
  type AssertionAudience,
  AUTH_METHODS,
  type AuthMethod,
  parseAuthMethods,
} from './client-key.ts'
import { INTROSPECTION_AUDIENCES, type IntrospectionAudiences } from './introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS, type LeakedSecretAction } from './leaked-secret.ts'
import { isCustomResourceType } from './protected-resource.ts'
import { Refusal } from './refusal.ts'
import { BUILT_IN_ROLES, PLATFORM_ADMIN } from './role.ts'
import { isScopeToken } from './scope.ts'

/** JWS algorithms a realm may sign with (RFC 7518, RFC 8037, ML-DSA for JOSE), by `jose`'s names. */
export const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** `typ` of access tokens: the one of RFC 9068, or `JWT` for validators that accept no other. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'JWT'] as const
export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number]

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
}

/** Prefix of the name of a deleted realm until its rows are gone. No other realm may have it. */
export const DELETED_REALM_PREFIX = '-deleted-'

const REALM_NAME = /^(?!-deleted-)[a-z0-9-]{1,63}$/
// Excludes lone surrogates, which PostgreSQL refuses.
const DISPLAY_NAME = /^[^\p{Cc}\p{Cs}]{0,200}$/u
const ROLE_NAME = /^[a-z0-9][a-z0-9._:-]{0,62}$/

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

/**
 * Refuses settings out of bounds. Names the member by its wire name.
 * @param before audiences that it has already may stay, even if they are refused today
 */
export function checkRealmSettings(settings: RealmSettings, before?: RealmSettings): void {
  if (!DISPLAY_NAME.test(settings.displayName))
    fail('display_name', 'at most 200 characters, none of them a control character')
  if (!ALGORITHMS.includes(settings.algorithm)) fail('algorithm', `one of ${ALGORITHMS.join(', ')}`)
  checkWhole(
    'token_lifetime_seconds',
    settings.tokenLifetimeSeconds,
    MIN_TOKEN_LIFETIME_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
  )
  checkWhole('service_account_limit', settings.serviceAccountLimit, 0, 10_000_000)
  checkWhole('jwks_max_age_seconds', settings.jwksMaxAgeSeconds, 1, 86_400)
  // A key must be published for longer than any cache may hold the JWKS, and rotations must not overlap.
  checkWhole('key_publish_seconds', settings.keyPublishSeconds, settings.jwksMaxAgeSeconds, 30 * 86_400)
  checkWhole(
    'key_rotation_seconds',
    settings.keyRotationSeconds,
    2 * settings.keyPublishSeconds,
    3650 * 86_400,
  )
  if (!LEAKED_SECRET_ACTIONS.includes(settings.leakedSecretAction))
    fail('leaked_secret_action', `one of ${LEAKED_SECRET_ACTIONS.join(', ')}`)
  if (!TOKEN_TYPE_HEADERS.includes(settings.tokenTypeHeader))
    fail('token_type_header', `one of ${TOKEN_TYPE_HEADERS.join(', ')}`)
  if (!INTROSPECTION_AUDIENCES.includes(settings.introspectionAudiences))
    fail('introspection_audiences', `one of ${INTROSPECTION_AUDIENCES.join(', ')}`)
  if (!ASSERTION_AUDIENCES.includes(settings.assertionAudience))
    fail('assertion_audience', `one of ${ASSERTION_AUDIENCES.join(', ')}`)
  parseAuthMethods(settings.allowedAuthMethods, 'allowed_auth_methods')
  checkList('scopes', settings.scopes, 1, isScopeToken, 'scope tokens of RFC 6749 section 3.3')
  checkList(
    'audiences',
    settings.audiences,
    0,
    (value) => isAudience(value) || before?.audiences.includes(value) === true,
    'absolute URIs without a fragment, or plain names without a colon',
  )
  checkList(
    'roles',
    settings.roles,
    0,
    isCustomRole,
    'lower-case names of at most 63 characters that are not built in',
  )
  checkList(
    'resource_types',
    settings.resourceTypes,
    0,
    isCustomResourceType,
    'lower-case names of at most 63 characters that are not built in',
  )
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

function checkSubset(field: string, values: readonly string[], known: readonly string[]): void {
  if (!values.every((value) => known.includes(value)) || new Set(values).size !== values.length)
    throw new Refusal('invalid', `${field} must be different ones of: ${known.join(', ')}.`, field)
}

function isAudience(value: string): boolean {
  // RFC 7519 section 2: a value with a colon is a URI.
  return isAbsoluteUri(value) || /^[\x21\x22\x24-\x39\x3b-\x7e]{1,200}$/.test(value)
}

function isCustomRole(value: string): boolean {
  return ROLE_NAME.test(value) && !BUILT_IN_ROLES.includes(value) && value !== PLATFORM_ADMIN
}

function checkWhole(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    fail(field, `a whole number from ${min} to ${max}`)
}

function checkList(
  field: string,
  values: readonly string[],
  min: number,
  ok: (value: string) => boolean,
  what: string,
): void {
  if (
    values.length < min ||
    values.length > 100 ||
    !values.every(ok) ||
    new Set(values).size !== values.length
  )
    fail(field, `${min} to 100 different ${what}`)
}

function fail(field: string, wanted: string): never {
  throw new Refusal('invalid', `${field} must be ${wanted}.`, field)
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
