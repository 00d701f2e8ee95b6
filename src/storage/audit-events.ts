import { type Selectable, sql } from 'kysely'
import {
  type AuditEvent,
  type AuditEventFilter,
  boundedDetails,
  type RecordedAuditEvent,
} from '../domain/audit-event.ts'
import type { Database } from './database.ts'
import type { AuditEventRow } from './tables.ts'

const COLUMNS = [
  'id',
  'realm_id',
  'realm',
  'occurred_at',
  'actor_kind',
  'actor_id',
  'address',
  'action',
  'target',
  'outcome',
  'details',
] as const

type Row = Pick<Selectable<AuditEventRow>, (typeof COLUMNS)[number]>

export async function insertAuditEvent(
  db: Database,
  realm: { readonly id: string | undefined; readonly name: string | undefined },
  event: AuditEvent,
  now: Date,
): Promise<void> {
  await insertAuditEvents(db, realm, [event], now)
}

/** Several in one statement, in this order. */
export async function insertAuditEvents(
  db: Database,
  realm: { readonly id: string | undefined; readonly name: string | undefined },
  events: readonly AuditEvent[],
  now: Date,
): Promise<void> {
  await db
    .insertInto('audit_events')
    .values(
      events.map((event) => ({
        realm_id: realm.id ?? null,
        realm: realm.name ?? null,
        occurred_at: now,
        actor_kind: event.actor.kind,
        actor_id: event.actor.id,
        address: event.actor.address ?? null,
        action: event.action,
        target: event.target ?? null,
        outcome: event.outcome,
        details: JSON.stringify(boundedDetails(detailsOf(event))),
      })),
    )
    .execute()
}

function detailsOf({ actor: { change, name }, details }: AuditEvent): Record<string, unknown> {
  return {
    ...(change !== undefined && { change }),
    ...(name !== undefined && { actor_name: name }),
    ...details,
  }
}

/** Returns whether the realm's trail has such an event. */
export async function isActionRecorded(db: Database, realmId: string, action: string): Promise<boolean> {
  const row = await db
    .selectFrom('audit_events')
    .select('id')
    .where('realm_id', '=', realmId)
    .where('action', '=', action)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Returns whether a realm with this id exists or existed, even if its trail no longer reaches back. */
export async function hasAuditTrail(db: Database, realmId: string): Promise<boolean> {
  const { rows } = await sql<{ had: boolean }>`
    select exists (select from realms where id = ${realmId}::bigint)
      or exists (select from deleted_realms where id = ${realmId}::bigint)
      or exists (select from audit_events where realm_id = ${realmId}::bigint) as had
  `.execute(db)
  return rows[0]?.had === true
}

/** Returns whether this role may delete from the trail. With docs/database-roles.sql the server's role may not. */
export async function mayDeleteAuditEvents(db: Database): Promise<boolean> {
  const { rows } = await sql<{
    may: boolean
  }>`select has_table_privilege('audit_events', 'delete') as may`.execute(db)
  return rows[0]?.may === true
}

/** Deletes at most `limit` events. Returns how many it deleted. */
export async function deleteAuditEventsBefore(db: Database, before: Date, limit: number): Promise<number> {
  const result = await db
    .deleteFrom('audit_events')
    .where('id', 'in', (eb) =>
      eb.selectFrom('audit_events').select('id').where('occurred_at', '<', before).limit(limit),
    )
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

/** End of a page: events are ordered by time, then by id. */
export interface AuditEventPosition {
  readonly occurredAt: Date
  readonly id: string
}

export interface AuditEventPage extends AuditEventFilter {
  /** `undefined`: start at the newest event. */
  readonly after: AuditEventPosition | undefined
  readonly limit: number
}

/**
 * One page, newest first.
 * @param realmId `undefined`: events of the platform itself
 */
export async function listAuditEvents(
  db: Database,
  realmId: string | undefined,
  page: AuditEventPage,
): Promise<RecordedAuditEvent[]> {
  const rows = await orderedEvents(db, realmId, page).limit(page.limit).execute()
  return rows.map(toAuditEvent)
}

/** What an index finds, newest first. */
function orderedEvents(
  db: Database,
  realmId: string | undefined,
  { after, from, to, action, actor, target }: AuditEventFilter & Pick<AuditEventPage, 'after'>,
) {
  let query = db.selectFrom('audit_events').select(COLUMNS)
  query = realmId === undefined ? query.where('realm_id', 'is', null) : query.where('realm_id', '=', realmId)
  if (from) query = query.where('occurred_at', '>=', from)
  if (to) query = query.where('occurred_at', '<', to)
  if (action !== undefined) query = query.where('action', '=', action)
  if (actor !== undefined) query = query.where('actor_id', '=', actor)
  if (target !== undefined) query = query.where('target', '=', target)
  if (after) query = query.where(sql<boolean>`(occurred_at, id) < (${after.occurredAt}, ${after.id}::bigint)`)
  // Orders by realm first: PostgreSQL does not use the index's order for "realm_id is null" alone.
  return query.orderBy('realm_id').orderBy('occurred_at', 'desc').orderBy('id', 'desc')
}

/** Events that match among the next `rows`, and the last one read (`undefined` at the end of the trail). */
export async function searchAuditEvents(
  db: Database,
  realmId: string | undefined,
  { rows, ...page }: AuditEventPage & { readonly rows: number },
): Promise<{ hits: RecordedAuditEvent[]; end: AuditEventPosition | undefined }> {
  const { outcome, actorContains: actor, targetContains: target, limit } = page
  const scanned = orderedEvents(db, realmId, page).limit(rows)
  const has = (part: string, text: string) =>
    sql<boolean>`position(lower(${part}) in lower(${sql.raw(text)})) > 0`
  let query = db.selectFrom(scanned.as('scanned')).selectAll()
  if (outcome !== undefined) query = query.where('outcome', '=', outcome)
  if (actor !== undefined)
    query = query.where(
      has(actor, "actor_kind || ' ' || actor_id || E'\\n' || coalesce(details ->> 'actor_name', '')"),
    )
  if (target !== undefined)
    query = query.where(has(target, "coalesce(target, '') || E'\\n' || coalesce(details ->> 'name', '')"))
  const hits = await query.orderBy('occurred_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
  const last = await db
    .selectFrom(scanned.as('scanned'))
    .select(['occurred_at', 'id'])
    .offset(rows - 1)
    .execute()
  return {
    hits: hits.map(toAuditEvent),
    end: last[0] && { occurredAt: last[0].occurred_at, id: last[0].id },
  }
}

function toAuditEvent(row: Row): RecordedAuditEvent {
  return {
    id: row.id,
    realm: row.realm ?? undefined,
    realmId: row.realm_id ?? undefined,
    occurredAt: row.occurred_at,
    actor: {
      kind: row.actor_kind as AuditEvent['actor']['kind'],
      id: row.actor_id,
      address: row.address ?? undefined,
    },
    action: row.action,
    target: row.target ?? undefined,
    outcome: row.outcome as AuditEvent['outcome'],
    details: row.details,
  }
}
