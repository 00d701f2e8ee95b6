import type { Database, DatabaseTransaction } from './database.ts'

export async function findDataKey(db: Database, purpose: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('data_keys')
    .select('sealed_key')
    .where('purpose', '=', purpose)
    .executeTakeFirst()
  return row?.sealed_key
}

/** Returns whether the database holds anything sealed by a master key. Data keys are made before all else. */
export async function isAnyDataKeyStored(db: Database): Promise<boolean> {
  return (await db.selectFrom('data_keys').select('purpose').limit(1).executeTakeFirst()) !== undefined
}

/** Inserts a key unless another process was first. Keeps the first one. */
export async function insertDataKey(
  db: Database,
  purpose: string,
  sealedKey: string,
  now: Date,
): Promise<void> {
  await db
    .insertInto('data_keys')
    .values({ purpose, sealed_key: sealedKey, created_at: now })
    .onConflict((conflict) => conflict.column('purpose').doNothing())
    .execute()
}

export async function lockDataKeys(
  trx: DatabaseTransaction,
): Promise<{ readonly purpose: string; readonly sealedKey: string }[]> {
  const rows = await trx.selectFrom('data_keys').select(['purpose', 'sealed_key']).forUpdate().execute()
  return rows.map((row) => ({ purpose: row.purpose, sealedKey: row.sealed_key }))
}

export async function updateDataKey(
  trx: DatabaseTransaction,
  purpose: string,
  sealedKey: string,
): Promise<void> {
  await trx.updateTable('data_keys').set({ sealed_key: sealedKey }).where('purpose', '=', purpose).execute()
}
