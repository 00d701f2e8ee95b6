import type { Policy } from '../domain/policy.ts'

/** The policy as JSON of the admin API and of the CLI's `--json`. */
export function policyToWire(policy: Policy) {
  return {
    max_token_lifetime_seconds: policy.maxTokenLifetimeSeconds,
    min_key_rotation_seconds: policy.minKeyRotationSeconds,
    max_key_rotation_seconds: policy.maxKeyRotationSeconds,
    min_jwks_max_age_seconds: policy.minJwksMaxAgeSeconds,
    max_jwks_max_age_seconds: policy.maxJwksMaxAgeSeconds,
    algorithms: [...policy.algorithms],
    leaked_secret_actions: [...policy.leakedSecretActions],
    introspection_audiences: [...policy.introspectionAudiences],
    audit_retention_days: policy.auditRetentionDays ?? null,
    min_audit_retention_days: policy.minAuditRetentionDays ?? null,
    max_audit_retention_days: policy.maxAuditRetentionDays,
    max_resources_per_realm: policy.maxResourcesPerRealm ?? null,
  }
}
