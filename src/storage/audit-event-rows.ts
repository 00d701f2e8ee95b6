import { type Selectable, sql } from 'kysely'
import type { AuditEvent, RecordedAuditEvent } from '../domain/audit-event.ts'
import type { AuditEventRow } from './tables.ts'

/** By what events are ordered, and all that is known of one; of `audit_events e`. */
export const KEY_COLUMNS = sql.raw('e.occurred_at, e.id')
export const COLUMNS = sql.raw(
  'e.id, e.realm_id, e.realm, e.occurred_at, e.actor_kind, e.actor_id, e.address, e.action, e.target, e.outcome, e.details',
)

export type Row = Selectable<AuditEventRow>

export function toAuditEvent(row: Row): RecordedAuditEvent {
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
