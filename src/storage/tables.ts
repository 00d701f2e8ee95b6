import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { FederationTables } from './federation-tables.ts'
import type { PortalTables } from './portal-tables.ts'
import type { NullableTimestamp, Timestamp } from './timestamps.ts'
import type { TokenTables } from './token-tables.ts'
import type { WebhookTables } from './webhook-tables.ts'

/** `bigint`. Arrives as text, since it may not fit a number. */
type GeneratedBigint = Generated<string>

/** JSON that is stored as text, and parsed where it is read. */
type NullableJsonText = ColumnType<string | null, string | null | undefined, string | null>

export interface RealmRow {
  id: GeneratedBigint
  name: string
  display_name: string
  algorithm: string
  token_lifetime_seconds: number
  service_account_limit: number
  service_account_count: Generated<number>
  scopes: string[]
  audiences: string[]
  roles: string[]
  resource_types: string[]
  key_rotation_seconds: number
  key_publish_seconds: number
  jwks_max_age_seconds: number
  jwks_cached_until: NullableTimestamp
  leaked_secret_action: string
  introspection_audiences: Generated<string>
  token_type_header: Generated<string>
  allowed_auth_methods: Generated<string[]>
  assertion_audience: Generated<string>
  claims: NullableJsonText
  quota: NullableJsonText
  token_profile: Generated<string>
  rotation_due_at: ColumnType<Date, Date | undefined, Date>
  shadow_mode: Generated<boolean>
  max_secret_age_seconds: Generated<number>
  audit_retention_days: ColumnType<number | null, number | null | undefined, number | null>
  imports_secrets: Generated<boolean>
  version: Generated<string>
  created_at: Timestamp
}

export interface ServiceAccountRow {
  realm_id: string
  client_id: string
  name: string
  name_key: string
  description: Generated<string>
  roles: string[]
  scopes: string[] | null
  introspects_audiences: ColumnType<string[] | null, string[] | null | undefined, string[] | null>
  auth_methods: Generated<string[]>
  jwks_uri: ColumnType<string | null, string | null | undefined, string | null>
  claims: NullableJsonText
  quota: NullableJsonText
  metadata: NullableJsonText
  subject: ColumnType<string | null, string | null | undefined, string | null>
  disabled_at: NullableTimestamp
  allowed_networks: ColumnType<string[] | null, string[] | null | undefined, string[] | null>
  expires_at: NullableTimestamp
  max_secret_age_seconds: ColumnType<number | null, number | null | undefined, number | null>
  status_index: number
  revoked_tokens_until: NullableTimestamp
  version: Generated<number>
  created_at: Timestamp
  updated_at: Timestamp
  /** JSON for tokens, updated in the same transaction as the grants. */
  authorization_details: ColumnType<string | null, never, string | null>
  authorization_details_omitted: ColumnType<boolean, never, boolean>
}

export interface ClientSecretRow {
  realm_id: string
  client_id: string
  id: string
  phc: string
  hmac: Buffer | null
  bound_hmac: Buffer | null
  keyed_phc: string | null
  last_four: string
  created_at: Timestamp
  expires_at: NullableTimestamp
}

export interface ClientKeyRow {
  realm_id: string
  client_id: string
  kid: string
  thumbprint: string
  algorithm: string
  jwk: JSONColumnType<Record<string, string>>
  name: Generated<string>
  created_at: Timestamp
  expires_at: NullableTimestamp
}

export interface SigningKeyRow {
  realm_id: string
  kid: string
  algorithm: string
  state: string
  public_jwk: JSONColumnType<Record<string, unknown>>
  sealed_private_jwk: string
  published_at: Timestamp
  activates_at: Timestamp
  activated_at: NullableTimestamp
  retired_at: NullableTimestamp
}

export interface DataKeyRow {
  purpose: string
  sealed_key: string
  created_at: Timestamp
}

export interface AuditEventRow {
  id: GeneratedBigint
  realm_id: string | null
  realm: string | null
  occurred_at: Timestamp
  actor_kind: string
  actor_id: string
  address: string | null
  action: string
  target: string | null
  outcome: string
  details: JSONColumnType<Record<string, unknown>>
}

export interface ProtectedResourceRow {
  realm_id: string
  type: string
  id: string
  name: string
  search_key: string
  created_at: Timestamp
  updated_at: Timestamp
}

export interface GrantRow {
  realm_id: string
  client_id: string
  type: string
  id: string
  role: string
  created_at: Timestamp
}

export interface DeletedRealmRow {
  id: string
  name: string
  deleted_at: Timestamp
  /** `null`: as long as the platform's. */
  audit_retention_days: ColumnType<number | null, number | null | undefined, never>
}

export interface PlatformPolicyRow {
  id: Generated<number>
  policy: JSONColumnType<object>
  version: Generated<string>
}

export interface Tables extends PortalTables, FederationTables, TokenTables, WebhookTables {
  realms: RealmRow
  service_accounts: ServiceAccountRow
  client_secrets: ClientSecretRow
  client_keys: ClientKeyRow
  signing_keys: SigningKeyRow
  data_keys: DataKeyRow
  audit_events: AuditEventRow
  deleted_realms: DeletedRealmRow
  platform_policy: PlatformPolicyRow
  protected_resources: ProtectedResourceRow
  grants: GrantRow
}
