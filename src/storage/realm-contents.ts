import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

/** Data of a service account in other tables. */
export interface AccountContents {
  readonly clientId: string
  readonly keys: boolean
  readonly identities: boolean
  readonly grants: boolean
}

/** Says of each account whether it has any, so that most need no more queries. */
export async function findAccountContents(
  db: Database,
  realmId: string,
  clientIds: readonly string[],
): Promise<AccountContents[]> {
  const has = (table: string) => sql`exists (
    select from ${sql.table(table)} t where t.realm_id = ${realmId} and t.client_id = c.client_id
  )`
  const { rows } = await sql<AccountContents>`
    select c.client_id as "clientId", ${has('client_keys')} as keys,
      ${has('workload_identities')} as identities, ${has('grants')} as grants
    from unnest(${[...clientIds]}::text[]) as c(client_id)
  `.execute(db)
  return rows
}

/** Lets one realm file at a time be applied to a realm. Returns whether the turn was free. */
export async function takeFileTurn(trx: DatabaseTransaction, realmName: string): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${`realm file ${realmName}`}, 0)) as taken
  `.execute(trx)
  return rows[0]?.taken === true
}
