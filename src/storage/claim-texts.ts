import type { CustomClaim, Metadata } from '../domain/custom-claim.ts'
import type { Quota } from '../domain/quota.ts'

/** Stored form of claims; null: none. */
export function claimsText(claims: readonly CustomClaim[]): string | null {
  return claims.length === 0 ? null : JSON.stringify(claims)
}

export function metadataText(metadata: Metadata): string | null {
  return Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata)
}

export function toClaims(text: string | null): readonly CustomClaim[] {
  return text === null ? [] : JSON.parse(text)
}

export function toMetadata(text: string | null): Metadata {
  return text === null ? {} : JSON.parse(text)
}

export function quotaText(quota: Quota | null): string | null {
  return quota && JSON.stringify(quota)
}

export function toQuota(text: string | null): Quota | null {
  return text === null ? null : (JSON.parse(text) as Quota)
}
