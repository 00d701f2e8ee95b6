import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

/** What a realm may have very many of; what points to others comes before them. */
const LARGE = [
  'grants',
  'protected_resource_groups',
  'protected_resources',
  'client_secrets',
  'service_accounts',
  'status_indexes',
  'revoked_tokens',
  'last_uses',
]

/** Rows that one statement deletes, so that each is done well within the time that a statement has. */
const BATCH = 2000

/** With all that belongs to it but its audit trail, which is found by its name from then on. The caller holds the row. */
export async function deleteRealm(
  trx: DatabaseTransaction,
  { id: realmId, name }: { readonly id: string; readonly name: string },
  now: Date,
): Promise<void> {
  for (const table of LARGE) await deleteRows(trx, table, realmId)
  await trx.deleteFrom('realms').where('id', '=', realmId).execute()
  await trx.insertInto('deleted_realms').values({ id: realmId, name, deleted_at: now }).execute()
  // Nothing cascades to it, and uses may have been noted meanwhile.
  await trx.deleteFrom('last_uses').where('realm_id', '=', realmId).execute()
}

// A cursor, since to search anew each time would be to pass over all that was deleted before.
async function deleteRows(trx: DatabaseTransaction, table: string, realmId: string): Promise<void> {
  await sql`declare doomed cursor for select ctid from ${sql.table(table)} where realm_id = ${realmId}`.execute(
    trx,
  )
  for (;;) {
    const { rows } = await sql<{ ctid: string }>`fetch ${sql.lit(BATCH)} from doomed`.execute(trx)
    if (rows.length === 0) break
    const ctids = rows.map(({ ctid }) => ctid)
    await sql`delete from ${sql.table(table)} where ctid = any(${ctids}::tid[])`.execute(trx)
  }
  await sql`close doomed`.execute(trx)
}

/** The id of the realm that had the name and was deleted last. */
export async function findDeletedRealm(db: Database, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('deleted_realms')
    .select('id')
    .where('name', '=', name)
    .orderBy('deleted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.id
}
