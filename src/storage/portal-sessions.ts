import { sql } from 'kysely'
import type { Access } from '../domain/authority.ts'
import { IDLE_SECONDS, type PortalSession } from '../domain/portal-session.ts'
import type { Database } from './database.ts'

export interface NewPortalSession extends Omit<PortalSession, 'realm' | 'byLink' | 'entered'> {
  readonly idHash: string
  /** Tokens of the identity provider, sealed; `undefined` after a sign-in by link. */
  readonly sealedProviderGrant: string | undefined
  /** Hash of the platform administrator's session that this one comes from. */
  readonly enteredBy: string | undefined
  readonly address: string
  readonly expiresAt: Date
}

export interface StoredPortalSession extends PortalSession {
  /** By which administrators end it: the beginning of the hash, which opens nothing. */
  readonly id: string
  readonly realmId: string
  readonly sealedProviderGrant: string | undefined
  readonly enteredBy: string | undefined
  readonly address: string
  readonly createdAt: Date
  readonly expiresAt: Date
  /** Last use, to the minute. */
  readonly seenAt: Date
}

/** Minimum time between two updates of `lastUsedAt`. */
export const SEEN_RESOLUTION_SECONDS = 60

/** Characters of a session's id. */
const ID_LENGTH = 12

const COLUMNS = [
  'portal_sessions.id_hash',
  'portal_sessions.realm_id',
  'realms.name as realm',
  'portal_sessions.subject',
  'portal_sessions.display_name',
  'portal_sessions.access',
  'portal_sessions.sealed_provider_grant',
  'portal_sessions.address',
  'portal_sessions.created_at',
  'portal_sessions.expires_at',
  'portal_sessions.seen_at',
  'portal_sessions.platform',
  'portal_sessions.entered_by',
] as const

export async function insertPortalSession(
  db: Database,
  realmId: string,
  session: NewPortalSession,
  now: Date,
): Promise<void> {
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
      seen_at: now,
      expires_at: session.expiresAt,
      platform: session.platform,
      entered_by: session.enteredBy ?? null,
    })
    .execute()
}

export async function findPortalSession(
  db: Database,
  idHash: string,
  now: Date,
): Promise<StoredPortalSession | undefined> {
  const row = await live(db, now).where('portal_sessions.id_hash', '=', idHash).executeTakeFirst()
  return row && toSession(row)
}

/** Live sessions by the hashes of their ids. */
export async function findPortalSessions(
  db: Database,
  idHashes: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, StoredPortalSession>> {
  if (idHashes.length === 0) return new Map()
  const rows = await live(db, now).where('portal_sessions.id_hash', 'in', idHashes).execute()
  return new Map(rows.map((row) => [row.id_hash, toSession(row)]))
}

/** Sessions of a realm, newest first. */
export async function listPortalSessions(
  db: Database,
  realmId: string,
  now: Date,
): Promise<StoredPortalSession[]> {
  const rows = await live(db, now)
    .where('portal_sessions.realm_id', '=', realmId)
    .orderBy('portal_sessions.created_at', 'desc')
    .limit(500)
    .execute()
  return rows.map(toSession)
}

export async function updatePortalSessionSeen(db: Database, idHash: string, now: Date): Promise<void> {
  await db.updateTable('portal_sessions').set({ seen_at: now }).where('id_hash', '=', idHash).execute()
}

/** Ends a session; a job deletes it later. Returns whether it was live. */
export async function endPortalSession(db: Database, idHash: string, now: Date): Promise<boolean> {
  const result = await db
    .updateTable('portal_sessions')
    .set({ expires_at: now })
    .where('id_hash', '=', idHash)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Ends one session, those of a subject, or all sessions of the realm. Returns how many it ended. */
export async function endPortalSessions(
  db: Database,
  realmId: string,
  { id, subject }: { readonly id?: string | undefined; readonly subject?: string | undefined },
  now: Date,
): Promise<number> {
  const idleSince = lastSeenToBeLive(now)
  let update = db
    .updateTable('portal_sessions')
    .set({ expires_at: now })
    .where('realm_id', '=', realmId)
    .where('expires_at', '>', now)
    .where((e) => e.or([e('seen_at', 'is', null), e('seen_at', '>', idleSince)]))
  if (subject !== undefined) update = update.where('subject', '=', subject)
  if (id !== undefined)
    update = update.where(sql<boolean>`left(translate(id_hash, '-_', 'ab'), ${ID_LENGTH}) = ${id}`)
  return Number((await update.executeTakeFirst()).numUpdatedRows)
}

/** A session that was last seen before this has ended. */
export function lastSeenToBeLive(now: Date): Date {
  return new Date(now.getTime() - (IDLE_SECONDS + SEEN_RESOLUTION_SECONDS) * 1000)
}

function live(db: Database, now: Date) {
  return db
    .selectFrom('portal_sessions')
    .innerJoin('realms', 'realms.id', 'portal_sessions.realm_id')
    .select(COLUMNS)
    .where(isLive(now, 'portal_sessions'))
    .where(
      sql<boolean>`(entered_by is null or exists (
        select from portal_sessions parent
        where parent.id_hash = portal_sessions.entered_by and parent.platform and ${isLive(now, 'parent')}))`,
    )
}

function isLive(now: Date, table: string) {
  const column = (name: string) => sql.ref(`${table}.${name}`)
  const seen = column('seen_at')
  return sql<boolean>`(${column('expires_at')} > ${now} and (${seen} is null or ${seen} > ${lastSeenToBeLive(now)}))`
}

type Row = Awaited<ReturnType<ReturnType<typeof live>['executeTakeFirstOrThrow']>>

function toSession(row: Row): StoredPortalSession {
  return {
    id: row.id_hash.replaceAll('-', 'a').replaceAll('_', 'b').slice(0, ID_LENGTH),
    realmId: row.realm_id,
    realm: row.realm,
    subject: row.subject,
    displayName: row.display_name,
    access: row.access as Access,
    byLink: row.sealed_provider_grant === null && row.entered_by === null,
    platform: row.platform === true,
    entered: row.entered_by !== null,
    enteredBy: row.entered_by ?? undefined,
    sealedProviderGrant: row.sealed_provider_grant ?? undefined,
    address: row.address,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    seenAt: row.seen_at ?? row.created_at,
  }
}
