import { type Selectable, sql } from 'kysely'
import type { ClaimRule } from '../domain/claim-rule.ts'
import type { WorkloadIdentity } from '../domain/workload-identity.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { WorkloadIdentityRow } from './federation-tables.ts'

const COLUMNS = [
  'w.client_id',
  'w.id',
  'w.issuer_id',
  'i.preset',
  'w.rules',
  'w.name',
  'w.created_at',
  'u.used_at',
] as const

type Row = Omit<Selectable<WorkloadIdentityRow>, 'realm_id'> & { used_at: Date | null; preset: string | null }

type NewIdentity = Omit<WorkloadIdentity, 'lastUsedAt' | 'preset'>

/** With the hashes that its tokens are looked up by. */
export async function insertWorkloadIdentity(
  trx: DatabaseTransaction,
  realmId: string,
  identity: NewIdentity,
  hashes: readonly Buffer[],
): Promise<void> {
  const { clientId, id, issuerId, rules, name, createdAt } = identity
  await trx
    .insertInto('workload_identities')
    .values({
      realm_id: realmId,
      client_id: clientId,
      id,
      issuer_id: issuerId,
      rules: JSON.stringify(rules),
      name,
      created_at: createdAt,
    })
    .execute()
  await sql`
    insert into workload_identity_keys (realm_id, issuer_id, hash, client_id, identity_id)
    select ${realmId}::bigint, ${issuerId}, hash, ${clientId}, ${id} from unnest(${[...hashes]}::bytea[]) as h(hash)
  `.execute(trx)
}

/** Lists the identities of an account, the newest first. */
export async function listWorkloadIdentities(
  db: Database,
  realmId: string,
  clientId: string,
): Promise<WorkloadIdentity[]> {
  const rows = await db
    .selectFrom('workload_identities as w')
    .innerJoin('trusted_issuers as i', (join) =>
      join.onRef('i.realm_id', '=', 'w.realm_id').onRef('i.id', '=', 'w.issuer_id'),
    )
    .leftJoin('last_uses as u', (join) =>
      join
        .onRef('u.realm_id', '=', 'w.realm_id')
        .onRef('u.client_id', '=', 'w.client_id')
        .onRef('u.secret_id', '=', 'w.id'),
    )
    .select(COLUMNS)
    .where('w.realm_id', '=', realmId)
    .where('w.client_id', '=', clientId)
    .orderBy('w.created_at', 'desc')
    .orderBy('w.id')
    .execute()
  return rows.map(toWorkloadIdentity)
}

export async function countWorkloadIdentities(
  db: Database,
  realmId: string,
  clientId: string,
): Promise<number> {
  const { count } = await db
    .selectFrom('workload_identities')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Whether any account is bound to the issuer. */
export async function isIssuerBound(db: Database, realmId: string, issuerId: string): Promise<boolean> {
  const row = await db
    .selectFrom('workload_identities')
    .select('id')
    .where('realm_id', '=', realmId)
    .where('issuer_id', '=', issuerId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Accounts that the issuer is bound to. */
export async function countBoundAccounts(db: Database, realmId: string, issuerId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(distinct client_id)::int as count from workload_identities
    where realm_id = ${realmId} and issuer_id = ${issuerId}
  `.execute(db)
  return rows[0]?.count ?? 0
}

function toWorkloadIdentity(row: Row): WorkloadIdentity {
  return {
    id: row.id,
    clientId: row.client_id,
    issuerId: row.issuer_id,
    preset: row.preset ?? undefined,
    rules: row.rules as ClaimRule[],
    name: row.name,
    createdAt: row.created_at,
    lastUsedAt: row.used_at ?? undefined,
  }
}
