import { issuerOf, type Realm } from '../domain/realm.ts'
import { quotaToWire } from './quota.ts'

/** A realm as JSON of the admin API and of the CLI's `--json`. */
export function realmToWire(realm: Realm, publicUrl: string) {
  return {
    name: realm.name,
    display_name: realm.displayName,
    issuer: issuerOf(publicUrl, realm.name),
    algorithm: realm.algorithm,
    token_lifetime_seconds: realm.tokenLifetimeSeconds,
    service_account_count: realm.serviceAccountCount,
    service_account_limit: realm.serviceAccountLimit,
    scopes: [...realm.scopes],
    audiences: [...realm.audiences],
    roles: [...realm.roles],
    resource_types: [...realm.resourceTypes],
    key_rotation_seconds: realm.keyRotationSeconds,
    key_publish_seconds: realm.keyPublishSeconds,
    jwks_max_age_seconds: realm.jwksMaxAgeSeconds,
    leaked_secret_action: realm.leakedSecretAction,
    introspection_audiences: realm.introspectionAudiences,
    token_type_header: realm.tokenTypeHeader,
    allowed_auth_methods: [...realm.allowedAuthMethods],
    assertion_audience: realm.assertionAudience,
    claims: [...realm.claims],
    token_profile: realm.tokenProfile,
    shadow_mode: realm.shadowMode,
    quota: quotaToWire(realm.quota),
    max_secret_age_seconds: realm.maxSecretAgeSeconds,
    audit_retention_days: realm.auditRetentionDays,
    created_at: realm.createdAt,
  }
}
