import { sql } from 'kysely'
import type { Access } from '../domain/authority.ts'
import type { Database } from './database.ts'

export interface PortalLink {
  readonly codeHash: string
  readonly madeBy: string
  /** For whom it was made, if that was said. */
  readonly person: string | undefined
  readonly access: Access
  /** Lets in as a platform administrator. */
  readonly platform: boolean
  readonly expiresAt: Date
}

export async function insertPortalLink(
  db: Database,
  realmId: string,
  { codeHash, madeBy, person, access, platform, expiresAt }: PortalLink,
  now: Date,
): Promise<void> {
  await db
    .insertInto('portal_links')
    .values({
      code_hash: codeHash,
      realm_id: realmId,
      made_by: madeBy,
      person: person ?? null,
      access,
      platform,
      created_at: now,
      expires_at: expiresAt,
    })
    .execute()
}

/** Uses up a link and returns it. Of several callers, only one succeeds. */
export async function deletePortalLink(
  db: Database,
  realmId: string,
  codeHashes: readonly string[],
  now: Date,
): Promise<Pick<PortalLink, 'madeBy' | 'person' | 'access' | 'platform'> | undefined> {
  const row = await db
    .deleteFrom('portal_links')
    .where('realm_id', '=', realmId)
    .where('code_hash', 'in', codeHashes)
    .where('expires_at', '>', now)
    .returning(['made_by', 'person', 'access', 'platform'])
    .executeTakeFirst()
  // Links of the version before say nothing of access.
  const access = row?.access === 'view' ? 'view' : 'administer'
  return (
    row && {
      madeBy: row.made_by,
      person: row.person ?? undefined,
      access,
      platform: row.platform === true,
    }
  )
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
