import type { Access } from '../domain/authority.ts'
import type { PortalSession } from '../domain/portal-session.ts'
import type { Database } from './database.ts'

export interface NewPortalSession extends Omit<PortalSession, 'realm'> {
  readonly idHash: string
  /** What the identity provider gave, sealed; `undefined` for whoever came by a link. */
  readonly sealedProviderGrant: string | undefined
  readonly address: string
  readonly expiresAt: Date
}

export interface StoredPortalSession extends PortalSession {
  readonly realmId: string
  readonly sealedProviderGrant: string | undefined
  readonly address: string
  readonly createdAt: Date
}

const COLUMNS = [
  'portal_sessions.realm_id',
  'realms.name as realm',
  'portal_sessions.subject',
  'portal_sessions.display_name',
  'portal_sessions.access',
  'portal_sessions.sealed_provider_grant',
  'portal_sessions.address',
  'portal_sessions.created_at',
] as const

/** Keeps a session, and drops those that have ended. */
export async function insertPortalSession(
  db: Database,
  realmId: string,
  session: NewPortalSession,
  now: Date,
): Promise<void> {
  await db.deleteFrom('portal_sessions').where('expires_at', '<=', now).execute()
  await db
    .insertInto('portal_sessions')
    .values({
      id_hash: session.idHash,
      realm_id: realmId,
      subject: session.subject,
      display_name: session.displayName,
      access: session.access,
      sealed_provider_grant: session.sealedProviderGrant ?? null,
      address: session.address,
      created_at: now,
      expires_at: session.expiresAt,
    })
    .execute()
}

export async function findPortalSession(
  db: Database,
  idHash: string,
  now: Date,
): Promise<StoredPortalSession | undefined> {
  const row = await unended(db, now).where('id_hash', '=', idHash).executeTakeFirst()
  return row && toSession(row)
}

/** The sessions of a realm, the newest first. */
export async function listPortalSessions(
  db: Database,
  realmId: string,
  now: Date,
): Promise<StoredPortalSession[]> {
  const rows = await unended(db, now)
    .where('portal_sessions.realm_id', '=', realmId)
    .orderBy('portal_sessions.created_at', 'desc')
    .limit(500)
    .execute()
  return rows.map(toSession)
}

export async function updatePortalSession(
  db: Database,
  idHash: string,
  { access, sealedProviderGrant }: { readonly access: Access; readonly sealedProviderGrant: string },
): Promise<void> {
  await db
    .updateTable('portal_sessions')
    .set({ access, sealed_provider_grant: sealedProviderGrant })
    .where('id_hash', '=', idHash)
    .execute()
}

export async function deletePortalSession(db: Database, idHash: string): Promise<void> {
  await db.deleteFrom('portal_sessions').where('id_hash', '=', idHash).execute()
}

/** Ends the sessions of a subject, or all of the realm. Returns how many there were. */
export async function deletePortalSessions(
  db: Database,
  realmId: string,
  subject: string | undefined,
): Promise<number> {
  const all = db.deleteFrom('portal_sessions').where('realm_id', '=', realmId)
  const result = await (subject === undefined ? all : all.where('subject', '=', subject)).executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** Marks a form as sent. Says whether it is the first time. */
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

function unended(db: Database, now: Date) {
  return db
    .selectFrom('portal_sessions')
    .innerJoin('realms', 'realms.id', 'portal_sessions.realm_id')
    .select(COLUMNS)
    .where('portal_sessions.expires_at', '>', now)
}

type Row = Awaited<ReturnType<ReturnType<typeof unended>['executeTakeFirstOrThrow']>>

function toSession(row: Row): StoredPortalSession {
  return {
    realmId: row.realm_id,
    realm: row.realm,
    subject: row.subject,
    displayName: row.display_name,
    access: row.access as Access,
    sealedProviderGrant: row.sealed_provider_grant ?? undefined,
    address: row.address,
    createdAt: row.created_at,
  }
}
