import type { Selectable } from 'kysely'
import type { AssertionAudience, AuthMethod } from '../domain/client-key.ts'
import type { IntrospectionAudiences } from '../domain/introspection-audience.ts'
import type { LeakedSecretAction } from '../domain/leaked-secret.ts'
import type { Algorithm, Realm, RealmSettings, TokenProfile, TokenTypeHeader } from '../domain/realm.ts'
import { claimsText, quotaText, toClaims, toQuota } from './claim-texts.ts'
import type { RealmRow } from './tables.ts'

export const REALM_COLUMNS = [
  'id',
  'name',
  'display_name',
  'algorithm',
  'token_lifetime_seconds',
  'service_account_limit',
  'service_account_count',
  'scopes',
  'audiences',
  'roles',
  'resource_types',
  'key_rotation_seconds',
  'key_publish_seconds',
  'jwks_max_age_seconds',
  'jwks_cached_until',
  'leaked_secret_action',
  'introspection_audiences',
  'token_type_header',
  'allowed_auth_methods',
  'assertion_audience',
  'claims',
  'token_profile',
  'shadow_mode',
  'quota',
  'max_secret_age_seconds',
  'audit_retention_days',
  'imports_secrets',
  'version',
  'created_at',
] as const

export type Row = Pick<Selectable<RealmRow>, (typeof REALM_COLUMNS)[number]>

export function toColumns(settings: RealmSettings) {
  return {
    display_name: settings.displayName,
    algorithm: settings.algorithm,
    token_lifetime_seconds: settings.tokenLifetimeSeconds,
    service_account_limit: settings.serviceAccountLimit,
    scopes: [...settings.scopes],
    audiences: [...settings.audiences],
    roles: [...settings.roles],
    resource_types: [...settings.resourceTypes],
    key_rotation_seconds: settings.keyRotationSeconds,
    key_publish_seconds: settings.keyPublishSeconds,
    jwks_max_age_seconds: settings.jwksMaxAgeSeconds,
    leaked_secret_action: settings.leakedSecretAction,
    introspection_audiences: settings.introspectionAudiences,
    token_type_header: settings.tokenTypeHeader,
    allowed_auth_methods: [...settings.allowedAuthMethods],
    assertion_audience: settings.assertionAudience,
    shadow_mode: settings.shadowMode,
    quota: quotaText(settings.quota),
    max_secret_age_seconds: settings.maxSecretAgeSeconds,
    audit_retention_days: settings.auditRetentionDays,
    claims: claimsText(settings.claims),
    token_profile: settings.tokenProfile,
  }
}

export function toRealm(row: Row): Realm {
  return {
    id: row.id,
    name: row.name,
    displayName: row.display_name,
    algorithm: row.algorithm as Algorithm,
    tokenLifetimeSeconds: row.token_lifetime_seconds,
    serviceAccountLimit: row.service_account_limit,
    serviceAccountCount: row.service_account_count,
    scopes: row.scopes,
    audiences: row.audiences,
    roles: row.roles,
    resourceTypes: row.resource_types,
    keyRotationSeconds: row.key_rotation_seconds,
    keyPublishSeconds: row.key_publish_seconds,
    jwksMaxAgeSeconds: row.jwks_max_age_seconds,
    jwksCachedUntil: row.jwks_cached_until ?? undefined,
    leakedSecretAction: row.leaked_secret_action as LeakedSecretAction,
    introspectionAudiences: row.introspection_audiences as IntrospectionAudiences,
    tokenTypeHeader: row.token_type_header as TokenTypeHeader,
    allowedAuthMethods: row.allowed_auth_methods as AuthMethod[],
    assertionAudience: row.assertion_audience as AssertionAudience,
    claims: toClaims(row.claims),
    tokenProfile: row.token_profile as TokenProfile,
    shadowMode: row.shadow_mode,
    quota: toQuota(row.quota),
    maxSecretAgeSeconds: row.max_secret_age_seconds,
    auditRetentionDays: row.audit_retention_days,
    importsSecrets: row.imports_secrets,
    version: row.version,
    createdAt: row.created_at,
  }
}
