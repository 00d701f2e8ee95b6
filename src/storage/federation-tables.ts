import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { Timestamp } from './timestamps.ts'

export interface TrustedIssuerRow {
  realm_id: string
  id: string
  issuer: string
  name: Generated<string>
  preset: string | null
  key_source: string
  key_address: string | null
  uploaded_jwks: ColumnType<object | null, string | null, string | null>
  audiences: string[] | null
  algorithms: string[]
  max_lifetime_seconds: number
  required_claims: JSONColumnType<object>
  single_use: Generated<boolean>
  enabled: Generated<boolean>
  ending: ColumnType<string | null, string | null | undefined, string | null>
  ended_up_to: Generated<string>
  version: Generated<number>
  created_at: Timestamp
  updated_at: Timestamp
}

export interface WorkloadIdentityRow {
  realm_id: string
  client_id: string
  id: string
  issuer_id: string
  rules: JSONColumnType<object>
  name: Generated<string>
  created_at: Timestamp
}

export interface WorkloadIdentityKeyRow {
  realm_id: string
  issuer_id: string
  hash: Buffer
  client_id: string
  identity_id: string
}

export interface FederationTables {
  trusted_issuers: TrustedIssuerRow
  workload_identities: WorkloadIdentityRow
  workload_identity_keys: WorkloadIdentityKeyRow
}
