import type { AccountLimits } from '../domain/account-limits.ts'
import type { AuthMethod } from '../domain/client-key.ts'
import type { CustomClaim, Metadata } from '../domain/custom-claim.ts'
import type { Quota } from '../domain/quota.ts'
import { claimsText, metadataText, quotaText } from './claim-texts.ts'

/** Members to change; absent ones stay. */
export interface ServiceAccountChanges extends Partial<AccountLimits> {
  readonly name?: string
  readonly nameKey?: string
  readonly description?: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[] | undefined
  readonly introspectsAudiences?: readonly string[] | undefined
  readonly authMethods?: readonly AuthMethod[]
  readonly jwksUri?: string | undefined
  readonly claims?: readonly CustomClaim[]
  readonly metadata?: Metadata
  readonly subject?: string
  readonly quota?: Quota | null
  readonly disabledAt?: Date | undefined
  readonly statusIndex?: number
}

/** Columns that the changes set. */
export function toColumns(changes: ServiceAccountChanges) {
  return {
    ...(changes.name !== undefined && { name: changes.name }),
    ...(changes.nameKey !== undefined && { name_key: changes.nameKey }),
    ...(changes.description !== undefined && { description: changes.description }),
    ...(changes.roles !== undefined && { roles: [...changes.roles] }),
    ...('scopes' in changes && { scopes: changes.scopes ? [...changes.scopes] : null }),
    ...('introspectsAudiences' in changes && {
      introspects_audiences: changes.introspectsAudiences ? [...changes.introspectsAudiences] : null,
    }),
    ...(changes.authMethods !== undefined && { auth_methods: [...changes.authMethods] }),
    ...('jwksUri' in changes && { jwks_uri: changes.jwksUri ?? null }),
    ...(changes.claims !== undefined && { claims: claimsText(changes.claims) }),
    ...(changes.metadata !== undefined && { metadata: metadataText(changes.metadata) }),
    ...(changes.subject !== undefined && { subject: changes.subject }),
    ...(changes.quota !== undefined && { quota: quotaText(changes.quota) }),
    ...('allowedNetworks' in changes && {
      allowed_networks: changes.allowedNetworks ? [...changes.allowedNetworks] : null,
    }),
    ...('expiresAt' in changes && { expires_at: changes.expiresAt ?? null }),
    ...('maxSecretAgeSeconds' in changes && { max_secret_age_seconds: changes.maxSecretAgeSeconds ?? null }),
    ...('disabledAt' in changes && { disabled_at: changes.disabledAt ?? null }),
    ...(changes.statusIndex !== undefined && { status_index: changes.statusIndex }),
  }
}
