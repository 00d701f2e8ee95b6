import { sql } from 'kysely'
import { type AuditEvent, boundedDetails } from '../domain/audit-event.ts'
import type { Database } from './database.ts'

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
