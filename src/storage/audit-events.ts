import type { AuditEvent } from '../domain/audit-event.ts'
import type { Database } from './database.ts'

export async function insertAuditEvent(
  db: Database,
  realm: { readonly id: string | undefined; readonly name: string | undefined },
  event: AuditEvent,
  now: Date,
): Promise<void> {
  await db
    .insertInto('audit_events')
    .values({
      realm_id: realm.id ?? null,
      realm: realm.name ?? null,
      occurred_at: now,
      actor_kind: event.actor.kind,
      actor_id: event.actor.id,
      address: event.actor.address ?? null,
      action: event.action,
      target: event.target ?? null,
      outcome: event.outcome,
      details: JSON.stringify(event.details),
    })
    .execute()
}

/** Whether it was ever done in that realm. */
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
