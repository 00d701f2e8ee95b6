import type { Actor } from './actor.ts'

/** One line of the audit trail. */
export interface AuditEvent {
  readonly actor: Actor
  /** `service-account.create`, `key.rotate`, … */
  readonly action: string
  /** The client_id, kid or name of what was acted on. */
  readonly target: string | undefined
  readonly outcome: 'done' | 'refused'
  /** Before and after, never with a secret. */
  readonly details: Record<string, unknown>
}
