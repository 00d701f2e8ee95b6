import { TOKEN_GRACE_SECONDS } from './clock.ts'
import { MAX_TOKEN_LIFETIME_SECONDS } from './realm.ts'

// Token Status List: draft-ietf-oauth-status-list-21.

/** Indexes per list: 64 kB before compression. */
export const STATUS_LIST_SIZE = 524_288

/** How long a verifier may use its copy of a list (section 5.1). */
export const STATUS_LIST_TTL_SECONDS = 10

/** Lifetime of a list, which bounds replay. It is signed anew at half of that. */
export const STATUS_LIST_LIFETIME_SECONDS = 120

/** A bit stays set until every token with its index has expired. */
export const STATUS_SHOWN_SECONDS = MAX_TOKEN_LIFETIME_SECONDS + TOKEN_GRACE_SECONDS

/** An index is reused only after the last list that shows its bit set has expired. */
export const STATUS_KEPT_SECONDS = STATUS_SHOWN_SECONDS + STATUS_LIST_LIFETIME_SECONDS + TOKEN_GRACE_SECONDS

/** Index of a token in its issuer's status lists (section 6.1). */
export interface StatusClaim {
  readonly status_list: { readonly idx: number; readonly uri: string }
}

/** The claim that refers to a token's status. */
export function statusClaimOf(issuer: string, statusIndex: number): StatusClaim {
  const id = statusListIdOf(statusIndex)
  return { status_list: { idx: statusIndex % STATUS_LIST_SIZE, uri: statusListUri(issuer, id) } }
}

export function statusListIdOf(statusIndex: number): number {
  return Math.floor(statusIndex / STATUS_LIST_SIZE)
}

export function statusListUri(issuer: string, id: number): string {
  return `${issuer}/protocol/openid-connect/status-lists/${id}`
}

/** Returns whether a token's `status` refers to this index. */
export function hasStatusIndex(claim: unknown, issuer: string, statusIndex: number): boolean {
  const { idx, uri } = (claim as Partial<StatusClaim> | undefined)?.status_list ?? {}
  const own = statusClaimOf(issuer, statusIndex).status_list
  return idx === own.idx && uri === own.uri
}

/** Indexes are drawn from 0 up to this: twice the maximum number of accounts of the realm. */
export function statusIndexRange(serviceAccountLimit: number): number {
  return STATUS_LIST_SIZE * Math.max(1, Math.ceil((2 * serviceAccountLimit) / STATUS_LIST_SIZE))
}

/** Builds a list with one bit per index, set for retired ones (section 4.1). Least significant bit first. */
export function statusListBytes(retired: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(STATUS_LIST_SIZE / 8)
  for (const statusIndex of retired) {
    const idx = statusIndex % STATUS_LIST_SIZE
    bytes[idx >> 3] = (bytes[idx >> 3] as number) | (1 << (idx & 7))
  }
  return bytes
}
