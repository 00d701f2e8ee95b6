import { sql } from 'kysely'
import type { Database } from './database.ts'
import { lastSeenToBeLive } from './portal-sessions.ts'

export interface EndedPortalSession {
  readonly idHash: string
  readonly realm: string
  readonly sealedProviderGrant: string | undefined
}

/** Deletes ended sessions and returns them. */
export async function deleteEndedPortalSessions(
  db: Database,
  now: Date,
  limit: number,
): Promise<EndedPortalSession[]> {
  const { rows } = await sql<{ id_hash: string; realm: string; sealed_provider_grant: string | null }>`
    delete from portal_sessions s using realms r
    where r.id = s.realm_id and s.id_hash in (
      select id_hash from portal_sessions
      where expires_at <= ${now} or seen_at <= ${lastSeenToBeLive(now)} limit ${limit} for update skip locked
    )
    returning s.id_hash, r.name as realm, s.sealed_provider_grant
  `.execute(db)
  return rows.map((row) => ({
    idHash: row.id_hash,
    realm: row.realm,
    sealedProviderGrant: row.sealed_provider_grant ?? undefined,
  }))
}
