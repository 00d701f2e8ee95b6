import type { ClientKey } from '../../domain/client-key.ts'
import type { GrantKey } from '../../domain/grant.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { audited } from './grant-changes.ts'
import { noteOf } from './new-client-key.ts'

/** What the audit trail says of a new account. */
export function noteOfNew(
  { name, roles, authMethods, jwksUri, claims, metadata, quota, ...limits }: ServiceAccount,
  {
    imported,
    grants = [],
  }: { readonly imported?: unknown; readonly grants?: readonly GrantKey[] | undefined },
  key: ClientKey | undefined,
): Record<string, unknown> {
  return {
    name,
    roles,
    auth_methods: authMethods,
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(claims.length > 0 && { claims }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(quota && { quota }),
    ...(limits.allowedNetworks && { allowed_networks: limits.allowedNetworks }),
    ...(limits.expiresAt && { expires_at: limits.expiresAt }),
    ...(limits.maxSecretAgeSeconds !== undefined && { max_secret_age_seconds: limits.maxSecretAgeSeconds }),
    ...(grants.length > 0 && { grants_added: grants.length, added: audited(grants) }),
    imported: imported !== undefined,
    ...(key && { key: noteOf(key) }),
  }
}
