import type { Database } from './database.ts'

/** Returns whether the form is sent for the first time. */
export async function insertPortalForm(
  db: Database,
  idHash: string,
  formId: string,
  now: Date,
): Promise<boolean> {
  const row = await db
    .insertInto('portal_forms')
    .values({ id: formId, session_id_hash: idHash, sent_at: now })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}
