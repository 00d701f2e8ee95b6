import type { ColumnType } from 'kysely'
import type { NullableTimestamp, Timestamp } from './timestamps.ts'

export interface PortalLinkRow {
  code_hash: string
  realm_id: string
  made_by: string
  person: ColumnType<string | null, string | null | undefined, never>
  access: ColumnType<string | null, string | null | undefined, never>
  platform: ColumnType<boolean | null, boolean | null | undefined, never>
  created_at: Timestamp
  expires_at: Timestamp
}

export interface PortalSessionRow {
  id_hash: string
  realm_id: string
  subject: string
  display_name: string
  access: string
  sealed_provider_grant: string | null
  address: string
  created_at: Timestamp
  expires_at: Timestamp
  seen_at: NullableTimestamp
  renewing_until: NullableTimestamp
  platform: ColumnType<boolean | null, boolean | null | undefined, boolean | null>
  entered_by: ColumnType<string | null, string | null | undefined, never>
}

export interface PortalFinishedSignInRow {
  state_hash: string
  expires_at: Timestamp
}

export interface PortalFormRow {
  id: string
  session_id_hash: string
  sent_at: Timestamp
}

export interface LeakedSecretRow {
  realm_id: string
  client_id: string
  secret_id: string
  found_at: Timestamp
  url: string | null
  source: string | null
}

export interface PortalTables {
  leaked_secrets: LeakedSecretRow
  portal_links: PortalLinkRow
  portal_sessions: PortalSessionRow
  portal_forms: PortalFormRow
  portal_finished_sign_ins: PortalFinishedSignInRow
}
