import { INTROSPECTION_AUDIENCES, type IntrospectionAudiences } from './introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS, type LeakedSecretAction } from './leaked-secret.ts'
import {
  ALGORITHMS,
  type Algorithm,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
  type RealmSettings,
} from './realm.ts'
import { Refusal } from './refusal.ts'

export const DAY_SECONDS = 86_400
export const MIN_KEY_ROTATION_SECONDS = 2
export const MAX_KEY_ROTATION_SECONDS = 3650 * DAY_SECONDS
export const MAX_JWKS_AGE_SECONDS = DAY_SECONDS
/** No policy may ask realms for a longer jwks_max_age_seconds than this. */
export const MAX_LEAST_JWKS_AGE_SECONDS = 3600

/** Bounds for the settings of realms. Platform administrators may exceed them. */
export interface Policy {
  readonly maxTokenLifetimeSeconds: number
  readonly minKeyRotationSeconds: number
  readonly maxKeyRotationSeconds: number
  readonly minJwksMaxAgeSeconds: number
  readonly maxJwksMaxAgeSeconds: number
  readonly algorithms: readonly Algorithm[]
  readonly leakedSecretActions: readonly LeakedSecretAction[]
  readonly introspectionAudiences: readonly IntrospectionAudiences[]
  /** Age at which audit events are deleted; `undefined`: never. */
  readonly auditRetentionDays: number | undefined
  /** The least that a realm may choose for its own events; `undefined`: what the platform keeps. */
  readonly minAuditRetentionDays: number | undefined
  readonly maxAuditRetentionDays: number
  /** Resources that a realm may have; `undefined`: any number. */
  readonly maxResourcesPerRealm: number | undefined
}

export const MIN_AUDIT_RETENTION_DAYS = 30
export const MAX_AUDIT_RETENTION_DAYS = 36_500
export const MAX_RESOURCES_PER_REALM = 10_000_000

/** Bounds of every realm, whatever the policy says. */
export const DEFAULT_POLICY: Policy = {
  maxTokenLifetimeSeconds: MAX_TOKEN_LIFETIME_SECONDS,
  minKeyRotationSeconds: MIN_KEY_ROTATION_SECONDS,
  maxKeyRotationSeconds: MAX_KEY_ROTATION_SECONDS,
  minJwksMaxAgeSeconds: 1,
  maxJwksMaxAgeSeconds: MAX_JWKS_AGE_SECONDS,
  algorithms: ALGORITHMS,
  leakedSecretActions: LEAKED_SECRET_ACTIONS,
  introspectionAudiences: INTROSPECTION_AUDIENCES,
  auditRetentionDays: undefined,
  minAuditRetentionDays: undefined,
  maxAuditRetentionDays: MAX_AUDIT_RETENTION_DAYS,
  maxResourcesPerRealm: undefined,
}

/** Refuses a policy that no realm could satisfy. Names the member by its wire name. */
export function checkPolicy(policy: Policy): void {
  const { minKeyRotationSeconds, maxKeyRotationSeconds, minJwksMaxAgeSeconds, maxJwksMaxAgeSeconds } = policy
  checkWhole('max_token_lifetime_seconds', policy.maxTokenLifetimeSeconds, [
    MIN_TOKEN_LIFETIME_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
  ])
  // Keys must be published before they sign: one day leaves room for that.
  checkWhole('max_key_rotation_seconds', maxKeyRotationSeconds, [DAY_SECONDS, MAX_KEY_ROTATION_SECONDS])
  checkWhole('min_key_rotation_seconds', minKeyRotationSeconds, [
    MIN_KEY_ROTATION_SECONDS,
    maxKeyRotationSeconds,
  ])
  checkWhole('max_jwks_max_age_seconds', maxJwksMaxAgeSeconds, [1, MAX_JWKS_AGE_SECONDS])
  checkWhole('min_jwks_max_age_seconds', minJwksMaxAgeSeconds, [
    1,
    Math.min(MAX_LEAST_JWKS_AGE_SECONDS, maxJwksMaxAgeSeconds),
  ])
  checkRetention(policy)
  if (policy.maxResourcesPerRealm !== undefined)
    checkWhole('max_resources_per_realm', policy.maxResourcesPerRealm, [0, MAX_RESOURCES_PER_REALM])
  checkChoice('algorithms', policy.algorithms, ALGORITHMS)
  checkChoice('leaked_secret_actions', policy.leakedSecretActions, LEAKED_SECRET_ACTIONS)
  checkChoice('introspection_audiences', policy.introspectionAudiences, INTROSPECTION_AUDIENCES)
}

type Bounded = Pick<
  RealmSettings,
  | 'algorithm'
  | 'tokenLifetimeSeconds'
  | 'keyRotationSeconds'
  | 'jwksMaxAgeSeconds'
  | 'leakedSecretAction'
  | 'introspectionAudiences'
  | 'auditRetentionDays'
>

/** Settings that the policy does not allow: wire name and required value of each. */
export function beyondPolicy(settings: Bounded, policy: Policy): ReadonlyMap<keyof Bounded, string> {
  const range = (value: number, min: number, max: number) =>
    value < min || value > max ? `from ${min} to ${max}` : undefined
  const choice = <T>(value: T, allowed: readonly T[]) =>
    allowed.includes(value) ? undefined : `one of ${allowed.join(', ')}`
  const wanted: Record<keyof Bounded, string | undefined> = {
    algorithm: choice(settings.algorithm, policy.algorithms),
    tokenLifetimeSeconds: range(
      settings.tokenLifetimeSeconds,
      MIN_TOKEN_LIFETIME_SECONDS,
      policy.maxTokenLifetimeSeconds,
    ),
    keyRotationSeconds: range(
      settings.keyRotationSeconds,
      policy.minKeyRotationSeconds,
      policy.maxKeyRotationSeconds,
    ),
    jwksMaxAgeSeconds: range(
      settings.jwksMaxAgeSeconds,
      policy.minJwksMaxAgeSeconds,
      policy.maxJwksMaxAgeSeconds,
    ),
    leakedSecretAction: choice(settings.leakedSecretAction, policy.leakedSecretActions),
    introspectionAudiences: choice(settings.introspectionAudiences, policy.introspectionAudiences),
    auditRetentionDays: retention(settings.auditRetentionDays, policy),
  }
  const beyond = Object.entries(wanted).filter(([, must]) => must !== undefined)
  return new Map(beyond as [keyof Bounded, string][])
}

/** Least age at which a realm may let its events be deleted; `undefined`: none, they are kept for ever. */
export function leastRetention(policy: Policy): number | undefined {
  return policy.minAuditRetentionDays ?? policy.auditRetentionDays
}

/** What an own retention must be, where it is not; a realm without one has that of the policy. */
function retention(days: number | null, policy: Policy): string | undefined {
  if (days === null) return undefined
  const min = leastRetention(policy)
  if (min === undefined) return 'null, which keeps them for ever'
  return days < min || days > policy.maxAuditRetentionDays
    ? `null, or from ${min} to ${policy.maxAuditRetentionDays}`
    : undefined
}

/** Refuses a change to a value beyond the policy. A value that was beyond it before may stay. */
export function requireWithinPolicy(before: RealmSettings, after: RealmSettings, policy: Policy): void {
  for (const [name, must] of beyondPolicy(after, policy)) {
    if (after[name] === before[name]) continue
    const field = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    throw new Refusal('invalid', `${field} must be ${must}, by the policy of this platform.`, field)
  }
}

/** Default settings of a new realm: the nearest values that the policy allows. */
export function fitToPolicy(settings: RealmSettings, policy: Policy): RealmSettings {
  const among = <T>(value: T, allowed: readonly T[]) => (allowed.includes(value) ? value : (allowed[0] as T))
  const within = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max)
  const { minKeyRotationSeconds, maxKeyRotationSeconds, minJwksMaxAgeSeconds, maxJwksMaxAgeSeconds } = policy
  const keyRotationSeconds = within(settings.keyRotationSeconds, minKeyRotationSeconds, maxKeyRotationSeconds)
  const keyPublishSeconds = Math.min(settings.keyPublishSeconds, Math.floor(keyRotationSeconds / 2))
  const jwksMaxAgeSeconds = within(settings.jwksMaxAgeSeconds, minJwksMaxAgeSeconds, maxJwksMaxAgeSeconds)
  return {
    ...settings,
    algorithm: among(settings.algorithm, policy.algorithms),
    tokenLifetimeSeconds: Math.min(settings.tokenLifetimeSeconds, policy.maxTokenLifetimeSeconds),
    keyRotationSeconds,
    keyPublishSeconds,
    jwksMaxAgeSeconds,
    leakedSecretAction: among(settings.leakedSecretAction, policy.leakedSecretActions),
    introspectionAudiences: among(settings.introspectionAudiences, policy.introspectionAudiences),
  }
}

function checkRetention(policy: Policy): void {
  const { auditRetentionDays: usual, minAuditRetentionDays: min, maxAuditRetentionDays: max } = policy
  const bounds = [MIN_AUDIT_RETENTION_DAYS, MAX_AUDIT_RETENTION_DAYS] as const
  if (usual !== undefined) checkWhole('audit_retention_days', usual, bounds)
  checkWhole('max_audit_retention_days', max, bounds)
  if (min !== undefined) checkWhole('min_audit_retention_days', min, [MIN_AUDIT_RETENTION_DAYS, max])
}

function checkWhole(field: string, value: number, [min, max]: readonly [number, number]): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Refusal('invalid', `${field} must be a whole number from ${min} to ${max}.`, field)
}

function checkChoice<T>(field: string, values: readonly T[], known: readonly T[]): void {
  const ok = values.length > 0 && values.every((value) => known.includes(value))
  if (!ok || new Set(values).size !== values.length)
    throw new Refusal('invalid', `${field} must be one or more of ${known.join(', ')}.`, field)
}
