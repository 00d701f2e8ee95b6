import type { ClaimRule } from '../domain/claim-rule.ts'
import { MAX_CANDIDATES } from '../domain/workload-identity.ts'
import { ACCOUNT_COLUMNS, type AccountRecord, type AccountRow, toClientRecord } from './client-records.ts'
import type { Database } from './database.ts'
import { preparedStatement } from './prepared-statements.ts'
import type { RealmVersion } from './realms.ts'

export interface WorkloadLookup {
  readonly realm: string
  /** `undefined`: only the realm is looked up. */
  readonly issuerId: string | undefined
  /** Hashes of the values that its workload identity pins: two at most. */
  readonly hashes: readonly Buffer[]
  /** `undefined`: any account. */
  readonly clientId: string | undefined
}

/** An account that a token may get in as. */
export interface WorkloadCandidate {
  readonly account: AccountRecord
  readonly identityId: string
  readonly rules: readonly ClaimRule[]
}

export interface WorkloadRecord extends RealmVersion {
  /** One more than the limit: there are too many. */
  readonly candidates: readonly WorkloadCandidate[]
}

interface Row extends AccountRow {
  identity_id: string
  rules: string
}

const NONE = Buffer.alloc(0)

// One select for any account and one for a named one: each is a range of the primary key, whose order no other index has.
const pinnedKeys = (ofAccount: string) => `
  select client_id, identity_id from workload_identity_keys
  where realm_id = r.id and issuer_id = l.issuer_id and hash = pinned.hash and ${ofAccount}
  order by realm_id, issuer_id, hash, client_id, identity_id
  limit ${MAX_CANDIDATES + 1}`

/** Each step is a look-up by primary key: "offset 0" keeps PostgreSQL from beginning with all accounts of the realm. */
const CANDIDATES = `
  select ${ACCOUNT_COLUMNS}, w.id as identity_id, w.rules
  from (
    select k.* from unnest(array[l.hash, l.other_hash]) as pinned(hash)
    cross join lateral (
      (${pinnedKeys("l.client_id = ''")}) union all (${pinnedKeys("client_id = nullif(l.client_id, '')")})
    ) k
    limit ${MAX_CANDIDATES + 1}
  ) k
  cross join lateral (
    select id, rules::text as rules from workload_identities
    where realm_id = r.id and client_id = k.client_id and id = k.identity_id
    offset 0
  ) w
  cross join lateral (
    select * from service_accounts a
    where a.realm_id = r.id and a.client_id = k.client_id and 'federated' = any(a.auth_methods)
    offset 0
  ) a`

const readRows = preparedStatement<Row>(
  'mintmark_workloads',
  `select l.n::int as n, r.id as realm_id, r.version, c.*
  from unnest(
    (select $1::text[]), (select $2::text[]), (select $3::bytea[]), (select $4::bytea[]), (select $5::text[])
  ) with ordinality as l(realm, issuer_id, hash, other_hash, client_id, n)
  cross join lateral (select id, version from realms where name = l.realm limit 1) r
  left join lateral (
    ${CANDIDATES}
  ) c on true`,
)

/** Reads what many platform tokens may get in as, in the order given; `undefined` where the realm does not exist. */
export async function findWorkloadRecords(
  db: Database,
  lookups: readonly WorkloadLookup[],
): Promise<(WorkloadRecord | undefined)[]> {
  const column = <T>(pick: (lookup: WorkloadLookup) => T) => lookups.map(pick)
  const rows = await readRows(db, [
    column(({ realm }) => realm),
    column(({ issuerId }) => issuerId ?? ''),
    column(({ hashes }) => hashes[0] ?? NONE),
    column(({ hashes }) => hashes[1] ?? NONE),
    column(({ clientId }) => clientId ?? ''),
  ])
  const found = new Array<WorkloadRecord | undefined>(lookups.length).fill(undefined)
  for (const row of rows) {
    const record = toClientRecord(row, [])
    const { realmId, realmVersion, account } = record
    const known = found[row.n - 1] ?? { realmId, realmVersion, candidates: [] }
    found[row.n - 1] = known
    if (account) (known.candidates as WorkloadCandidate[]).push(toCandidate(account, row))
  }
  return found
}

function toCandidate(account: AccountRecord, { identity_id: identityId, rules }: Row): WorkloadCandidate {
  return { account, identityId, rules: JSON.parse(rules) }
}
