import type { Actor } from './actor.ts'

/** One line of the audit trail. */
export interface AuditEvent {
  readonly actor: Pick<Actor, 'kind' | 'id' | 'address'>
  /** `service-account.create`, `key.rotate`, … */
  readonly action: string
  /** The client_id, kid or name of what was acted on. */
  readonly target: string | undefined
  readonly outcome: 'done' | 'refused'
  /** Before and after, never with a secret. */
  readonly details: Record<string, unknown>
}

export interface RecordedAuditEvent extends AuditEvent {
  readonly id: string
  /** `undefined`: of the platform itself. */
  readonly realm: string | undefined
  readonly occurredAt: Date
}

/** What to look for in the trail; what is left out does not matter. */
export interface AuditEventFilter {
  readonly from?: Date | undefined
  /** Exclusive. */
  readonly to?: Date | undefined
  readonly action?: string | undefined
  readonly actor?: string | undefined
  readonly target?: string | undefined
}
