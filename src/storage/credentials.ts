import { sql } from 'kysely'
import type { DatabaseTransaction } from './database.ts'
import { deleteUsesOfGoneCredentials } from './uses.ts'

/** Tables of what an account authenticates with, and the column that names one credential of the account. */
const ID_COLUMNS = { client_secrets: 'id', client_keys: 'kid', workload_identities: 'id' } as const

/** Credentials of one account: all of one kind, or the one with an id. */
export interface DeletedCredentials {
  readonly table: keyof typeof ID_COLUMNS
  readonly clientId: string
  readonly id?: string
}

export async function deleteCredentials(
  trx: DatabaseTransaction,
  realmId: string,
  { table, clientId, id }: DeletedCredentials,
): Promise<void> {
  const one = id === undefined ? sql`` : sql`and ${sql.ref(ID_COLUMNS[table])} = ${id}`
  await sql`
    delete from ${sql.table(table)} where realm_id = ${realmId} and client_id = ${clientId} ${one}
  `.execute(trx)
  await deleteUsesOfGoneCredentials(trx, realmId, [clientId])
}
