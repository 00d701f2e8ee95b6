import type { Generated } from 'kysely'
import type { NullableTimestamp, Timestamp } from './timestamps.ts'

/** Tables of what tokens leave behind. */
export interface TokenTables {
  last_uses: LastUseRow
  token_counts: TokenCountRow
  account_origins: AccountOriginRow
  refusal_counts: RefusalCountRow
  status_indexes: StatusIndexRow
  status_lists: StatusListRow
  revoked_tokens: RevokedTokenRow
}

export interface LastUseRow {
  realm_id: string
  client_id: string
  /** Thumbprint of a key. */
  secret_id: string
  used_at: Timestamp
  address: string
  scope: string
}

export interface TokenCountRow {
  realm_id: string
  client_id: string
  period: string
  starts_at: Timestamp
  issued: string
  refused: string
  /** Only for days of accounts: grows with `issued`, in steps of 4 %. */
  magnitude: Generated<number | null>
}

export interface AccountOriginRow {
  realm_id: string
  client_id: string
  outcome: string
  address: string
  user_agent: string
  first_at: Timestamp
  last_at: Timestamp
}

export interface RefusalCountRow {
  realm_id: string
  client_id: string
  starts_at: Timestamp
  reason: string
  count: string
}

export interface StatusIndexRow {
  realm_id: string
  status_index: number
  retired_at: NullableTimestamp
}

export interface StatusListRow {
  realm_id: string
  id: number
  version: Generated<string>
}

export interface RevokedTokenRow {
  realm_id: string
  jti: string
  expires_at: Timestamp
}
