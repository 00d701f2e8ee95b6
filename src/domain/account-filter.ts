import type { AuthMethod } from './client-key.ts'

export const ACCOUNT_STATES = ['enabled', 'disabled', 'ended'] as const

export type AccountState = (typeof ACCOUNT_STATES)[number]

export const ACCOUNT_ORDERS = ['name', 'newest', 'last-used', 'unused'] as const

export type AccountOrder = (typeof ACCOUNT_ORDERS)[number]

/** A realm with more accounts is listed by name alone: no index has another order. */
export const MAX_SORTED_ACCOUNTS = 5000

/** Which accounts of a realm are listed: those for which all of it holds. */
export interface AccountFilter {
  /** Part of the name, whatever its case. */
  readonly nameContains?: string | undefined
  /** Part of the name, the client_id, the description, the owner or the tags, whatever its case. */
  readonly textContains?: string | undefined
  /** Beginning of the client_id. */
  readonly clientIdStart?: string | undefined
  readonly state?: AccountState | undefined
  /** Held on the whole realm. */
  readonly role?: string | undefined
  readonly authMethod?: AuthMethod | undefined
  /** Whether a rotation is under way: a valid secret has an end. */
  readonly isRotating?: boolean | undefined
  /** Whether a secret was found in public and nothing was done about it yet. */
  readonly isLeaked?: boolean | undefined
  /** Neither used nor created since then. */
  readonly unusedSince?: Date | undefined
}

/** Returns whether it leaves out any account. */
export function isFiltered(filter: AccountFilter): boolean {
  return Object.values(filter).some((value) => value !== undefined)
}
