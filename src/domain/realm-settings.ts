import { checkSecretAge } from './account-limits.ts'
import { isAudience } from './audience.ts'
import { ASSERTION_AUDIENCES, parseAuthMethods } from './client-key.ts'
import { checkCustomClaims } from './custom-claim-check.ts'
import { INTROSPECTION_AUDIENCES } from './introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS } from './leaked-secret.ts'
import {
  MAX_AUDIT_RETENTION_DAYS,
  MAX_JWKS_AGE_SECONDS,
  MAX_KEY_ROTATION_SECONDS,
  MIN_AUDIT_RETENTION_DAYS,
} from './policy.ts'
import { isCustomResourceType } from './protected-resource.ts'
import { checkQuota } from './quota.ts'
import {
  ALGORITHMS,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
  type RealmSettings,
  TOKEN_PROFILES,
  TOKEN_TYPE_HEADERS,
} from './realm.ts'
import { Refusal } from './refusal.ts'
import { BUILT_IN_ROLES, MAX_ROLE_LENGTH, PLATFORM_ADMIN } from './role.ts'
import { isScopeToken } from './scope.ts'

// Excludes lone surrogates, which PostgreSQL refuses.
export const MAX_REALM_DISPLAY_NAME = 200
const DISPLAY_NAME = new RegExp(`^[^\\p{Cc}\\p{Cs}]{0,${MAX_REALM_DISPLAY_NAME}}$`, 'u')
const ROLE_NAME = new RegExp(`^[a-z0-9][a-z0-9._:-]{0,${MAX_ROLE_LENGTH - 1}}$`)

/** Allowed values of a list setting, and its minimum length. */
interface ListRule {
  readonly min: number
  readonly max: number
  readonly what: string
  readonly ok: (value: string) => boolean
}

/** Audiences, and types of resources, that the settings of a realm may name. */
export const MAX_LIST = 100
export const MAX_SERVICE_ACCOUNTS = 10_000_000
export const MAX_KEY_PUBLISH_SECONDS = 30 * 86_400
/** The row of a realm holds them, and a page shows them all. */
export const MAX_ROLES = 2000
/** Roles of one account: all of its realm, with the built-in ones and that of the platform. */
export const MAX_ROLES_OF_ACCOUNT = MAX_ROLES + BUILT_IN_ROLES.length + 1
/** A token that asks for none has all, so its size is the narrower bound. */
export const MAX_SCOPES = 500
const SCOPES = { min: 1, max: MAX_SCOPES, what: 'scope tokens of RFC 6749 section 3.3' }
const AUDIENCES = {
  min: 0,
  max: MAX_LIST,
  what: 'absolute URIs without a fragment, or plain names without a colon',
}
const CUSTOM_NAMES = {
  min: 0,
  max: MAX_LIST,
  what: 'lower-case names of at most 63 characters that are not built in',
}

/**
 * Refuses settings out of bounds. Names the member by its wire name.
 * @param before audiences that it has already may stay, even if they are refused today
 */
export function checkRealmSettings(settings: RealmSettings, before?: RealmSettings): void {
  if (!DISPLAY_NAME.test(settings.displayName))
    fail('display_name', 'at most 200 characters, none of them a control character')
  checkChoice('algorithm', settings.algorithm, ALGORITHMS)
  checkTimes(settings)
  if (settings.maxSecretAgeSeconds !== 0) checkSecretAge(settings.maxSecretAgeSeconds)
  if (settings.auditRetentionDays !== null)
    checkWhole(
      'audit_retention_days',
      settings.auditRetentionDays,
      MIN_AUDIT_RETENTION_DAYS,
      MAX_AUDIT_RETENTION_DAYS,
    )
  checkWhole('service_account_limit', settings.serviceAccountLimit, 0, MAX_SERVICE_ACCOUNTS)
  checkChoice('leaked_secret_action', settings.leakedSecretAction, LEAKED_SECRET_ACTIONS)
  checkChoice('token_type_header', settings.tokenTypeHeader, TOKEN_TYPE_HEADERS)
  checkChoice('token_profile', settings.tokenProfile, TOKEN_PROFILES)
  checkChoice('introspection_audiences', settings.introspectionAudiences, INTROSPECTION_AUDIENCES)
  checkChoice('assertion_audience', settings.assertionAudience, ASSERTION_AUDIENCES)
  parseAuthMethods(settings.allowedAuthMethods, 'allowed_auth_methods')
  checkNames(settings, before)
  checkCustomClaims(settings.claims)
  checkQuota(settings.quota)
  checkList('resource_types', settings.resourceTypes, { ...CUSTOM_NAMES, ok: isCustomResourceType })
}

type Names = Pick<RealmSettings, 'roles' | 'scopes' | 'audiences'>

/** The same of what accounts and tokens can have. */
export function checkNames({ roles, scopes, audiences }: Names, before?: Pick<Names, 'audiences'>): void {
  const mayStay = (value: string) => isAudience(value) || before?.audiences.includes(value) === true
  checkList('scopes', scopes, { ...SCOPES, ok: isScopeToken })
  checkList('audiences', audiences, { ...AUDIENCES, ok: mayStay })
  checkList('roles', roles, { ...CUSTOM_NAMES, max: MAX_ROLES, ok: isCustomRole })
}

function checkTimes(settings: RealmSettings): void {
  const { tokenLifetimeSeconds, jwksMaxAgeSeconds, keyPublishSeconds, keyRotationSeconds } = settings
  const [shortest, longest] = [MIN_TOKEN_LIFETIME_SECONDS, MAX_TOKEN_LIFETIME_SECONDS]
  checkWhole('token_lifetime_seconds', tokenLifetimeSeconds, shortest, longest)
  checkWhole('jwks_max_age_seconds', jwksMaxAgeSeconds, 1, MAX_JWKS_AGE_SECONDS)
  // A key must be published for longer than any cache may hold the JWKS, and rotations must not overlap.
  checkWhole('key_publish_seconds', keyPublishSeconds, jwksMaxAgeSeconds, MAX_KEY_PUBLISH_SECONDS)
  checkWhole('key_rotation_seconds', keyRotationSeconds, 2 * keyPublishSeconds, MAX_KEY_ROTATION_SECONDS)
}

export function isCustomRole(value: string): boolean {
  return ROLE_NAME.test(value) && !BUILT_IN_ROLES.includes(value) && value !== PLATFORM_ADMIN
}

function checkWhole(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    fail(field, `a whole number from ${min} to ${max}`)
}

function checkChoice(field: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) fail(field, `one of ${choices.join(', ')}`)
}

function checkList(field: string, values: readonly string[], { min, max, what, ok }: ListRule): void {
  const isRightSize = values.length >= min && values.length <= max
  if (!isRightSize || !values.every(ok) || new Set(values).size !== values.length)
    fail(field, `${min} to ${max} different ${what}`)
}

function fail(field: string, wanted: string): never {
  throw new Refusal('invalid', `${field} must be ${wanted}.`, field)
}
