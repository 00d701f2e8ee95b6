import { sql } from 'kysely'
import type { ClaimRule } from '../domain/claim-rule.ts'
import type { Database } from './database.ts'

/** A workload identity with its account. */
export interface IdentityCandidate {
  readonly id: string
  readonly name: string
  readonly clientId: string
  readonly rules: readonly ClaimRule[]
  readonly accountName: string
  readonly isDisabled: boolean
  readonly endsAt: Date | undefined
  readonly isFederated: boolean
}

export interface CandidateSearch {
  readonly realmId: string
  readonly issuerId: string
  /** Hashes of the values that a token pins. */
  readonly hashes: readonly Buffer[]
  /** Only identities of that account. */
  readonly clientId: string | undefined
}

interface Row {
  id: string
  name: string
  client_id: string
  rules: ClaimRule[]
  account_name: string
  disabled: boolean
  ends_at: Date | null
  federated: boolean
}

/** All whose pins fit, and others of the issuer, `limit` of each at most. */
export async function findIdentityCandidates(
  db: Database,
  { realmId, issuerId, hashes, clientId }: CandidateSearch,
  limit: number,
): Promise<IdentityCandidate[]> {
  const { rows } = await sql<Row>`
    with fitting as (
      select client_id, identity_id as id from workload_identity_keys
      where realm_id = ${realmId} and issuer_id = ${issuerId} and hash = any(${[...hashes]}::bytea[])
        and (${clientId ?? null}::text is null or client_id = ${clientId ?? null})
      order by client_id, identity_id limit ${limit}
    ), others as (
      select client_id, id from workload_identities
      where realm_id = ${realmId} and issuer_id = ${issuerId}
        and (${clientId ?? null}::text is null or client_id = ${clientId ?? null})
      order by client_id collate "C" limit ${limit}
    )
    select w.id, w.name, w.client_id, w.rules, a.name as account_name, a.disabled_at is not null as disabled,
      a.expires_at as ends_at,
      'federated' = any(a.auth_methods) as federated
    from (select * from fitting union select * from others) c
    join workload_identities w on w.realm_id = ${realmId} and w.client_id = c.client_id and w.id = c.id
    join service_accounts a on a.realm_id = ${realmId} and a.client_id = c.client_id
  `.execute(db)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    clientId: row.client_id,
    rules: row.rules,
    accountName: row.account_name,
    isDisabled: row.disabled,
    endsAt: row.ends_at ?? undefined,
    isFederated: row.federated,
  }))
}
