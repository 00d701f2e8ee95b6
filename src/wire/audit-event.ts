import type { RecordedAuditEvent } from '../domain/audit-event.ts'

/** An audit event as JSON of the admin API and of the CLI's `--json`. */
export function auditEventToWire(event: RecordedAuditEvent) {
  return {
    id: event.id,
    realm: event.realm ?? null,
    realm_id: event.realmId ?? null,
    occurred_at: event.occurredAt,
    actor: { kind: event.actor.kind, id: event.actor.id, address: event.actor.address ?? null },
    action: event.action,
    target: event.target ?? null,
    outcome: event.outcome,
    details: event.details,
  }
}
