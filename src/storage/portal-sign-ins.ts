import { sql } from 'kysely'
import type { Database } from './database.ts'

/** Marks a sign-in as finished. Returns whether this is the first time. */
export async function insertFinishedSignIn(
  db: Database,
  stateHash: string,
  expiresAt: Date,
): Promise<boolean> {
  const row = await db
    .insertInto('portal_finished_sign_ins')
    .values({ state_hash: stateHash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('state_hash').doNothing())
    .returning('state_hash')
    .executeTakeFirst()
  return row !== undefined
}

/** Returns how many it deleted. */
export async function deleteExpiredSignIns(db: Database, now: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from portal_finished_sign_ins where state_hash in (
      select state_hash from portal_finished_sign_ins
      where expires_at <= ${now} order by expires_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}
