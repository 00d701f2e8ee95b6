import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface PortalLink {
  readonly codeHash: string
  readonly madeBy: string
  readonly expiresAt: Date
}

export async function insertPortalLink(
  db: Database,
  realmId: string,
  { codeHash, madeBy, expiresAt }: PortalLink,
  now: Date,
): Promise<void> {
  await db
    .insertInto('portal_links')
    .values({
      code_hash: codeHash,
      realm_id: realmId,
      made_by: madeBy,
      created_at: now,
      expires_at: expiresAt,
    })
    .execute()
}

/** Uses up a link: of several callers, one succeeds. Returns who made the link. */
export async function deletePortalLink(
  db: Database,
  realmId: string,
  codeHash: string,
  now: Date,
): Promise<string | undefined> {
  const row = await db
    .deleteFrom('portal_links')
    .where('realm_id', '=', realmId)
    .where('code_hash', '=', codeHash)
    .where('expires_at', '>', now)
    .returning('made_by')
    .executeTakeFirst()
  return row?.made_by
}

/** Returns how many it deleted. */
export async function deleteExpiredPortalLinks(db: Database, now: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from portal_links where code_hash in (
      select code_hash from portal_links
      where expires_at <= ${now} order by expires_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}
