import type { Quota, QuotaMode } from '../domain/quota.ts'

export interface WireQuota {
  readonly tokens_per_hour?: number | null | undefined
  readonly tokens_per_day?: number | null | undefined
  readonly mode?: QuotaMode | undefined
}

export function quotaToWire(quota: Quota | null | undefined) {
  if (!quota) return null
  return {
    tokens_per_hour: quota.tokensPerHour ?? null,
    tokens_per_day: quota.tokensPerDay ?? null,
    mode: quota.mode,
  }
}

/** `null` removes it, `undefined` says nothing. */
export function quotaFromWire(wire: WireQuota | null | undefined): Quota | null | undefined {
  if (!wire) return wire
  return {
    tokensPerHour: wire.tokens_per_hour ?? undefined,
    tokensPerDay: wire.tokens_per_day ?? undefined,
    mode: wire.mode ?? 'enforce',
  }
}

/** With all its members, to compare it with one that is present. */
export function wholeQuota(wire: WireQuota | null): WireQuota | null {
  return quotaToWire(quotaFromWire(wire))
}
