import type { AccountLimitsUpdate } from '../../domain/account-limits.ts'
import { readMoment } from './moment.ts'

interface SentLimits {
  readonly allowed_networks?: readonly string[] | null | undefined
  readonly expires_at?: string | null | undefined
  readonly max_secret_age_seconds?: number | null | undefined
}

/** Only the members that were sent. */
export function readLimits(body: SentLimits): AccountLimitsUpdate {
  const { allowed_networks, expires_at, max_secret_age_seconds } = body
  return {
    ...(allowed_networks !== undefined && { allowedNetworks: allowed_networks }),
    ...(expires_at !== undefined && { expiresAt: readMoment(expires_at ?? undefined, 'expires_at') ?? null }),
    ...(max_secret_age_seconds !== undefined && { maxSecretAgeSeconds: max_secret_age_seconds }),
  }
}
