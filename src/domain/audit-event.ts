import type { Actor } from './actor.ts'

/** What the server does that changes something. A refused attempt at it has the same name. */
export const CHANGE_ACTIONS = [
  'realm.create',
  'realm.update',
  'realm.delete',
  'service-account.create',
  'service-account.update',
  'service-account.delete',
  'service-account.enable',
  'service-account.disable',
  'service-account.reset-secret',
  'service-account.rotate-secret',
  'service-account.delete-secret',
  'service-account.leaked-secret',
  'service-account.revoke-tokens',
  'role.add',
  'role.remove',
  'grant.add',
  'grant.remove',
  'grant.replace',
  'resource.create',
  'resource.update',
  'resource.delete',
  'resource.import',
  'key.rotate',
  'key.revoke',
  'token.revoke',
  'key.create-current',
  'key.create-next',
  'key.promote-next',
  'key.replace-next',
  'key.remove-retired',
  'master-key.rotate',
  'policy.update',
  'portal.link',
  'portal.sign-in',
  'portal.sign-out',
  'portal.end-sessions',
  'portal.session-end',
] as const

/** What is recorded only when somebody may not do it. */
export const READ_ACTIONS = [
  'realm.list',
  'realm.read',
  'service-account.list',
  'service-account.read',
  'service-account.list-secrets',
  'service-account.preview-token',
  'grant.list',
  'resource.list',
  'resource.read',
  'key.list',
  'policy.read',
  'portal.list-sessions',
  'audit-event.list',
  'audit-event.export',
] as const

export type AuditAction = (typeof CHANGE_ACTIONS)[number] | (typeof READ_ACTIONS)[number]

/** One line of the audit trail. */
export interface AuditEvent {
  readonly actor: Pick<Actor, 'kind' | 'id' | 'address'>
  readonly action: AuditAction
  /** The client_id, kid or name of what was acted on. */
  readonly target: string | undefined
  readonly outcome: 'done' | 'refused'
  /** Before and after, never with a secret. */
  readonly details: Record<string, unknown>
}

export interface RecordedAuditEvent extends Omit<AuditEvent, 'action'> {
  readonly id: string
  /** An `AuditAction`, or what another version calls it. */
  readonly action: string
  /** `undefined`: of the platform itself. */
  readonly realm: string | undefined
  /** Tells realms apart that have had the same name. */
  readonly realmId: string | undefined
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

/** No line of the trail is longer, in JSON: an administrator of a realm cannot fill the disk with it. */
export const MAX_DETAILS_BYTES = 8192

const MAX_DETAILS_TEXT = 500

/** Details as they are, or with long lists as `{ count, first }` and long texts cut, until they fit a line. */
export function boundedDetails(details: Record<string, unknown>): Record<string, unknown> {
  let bounded = details
  for (const kept of [20, 5, 0]) {
    if (Buffer.byteLength(JSON.stringify(bounded)) <= MAX_DETAILS_BYTES) return bounded
    bounded = shorten(details, kept) as Record<string, unknown>
  }
  const size = Buffer.byteLength(JSON.stringify(bounded))
  return size <= MAX_DETAILS_BYTES ? bounded : { bytes: Buffer.byteLength(JSON.stringify(details)) }
}

function shorten(value: unknown, kept: number): unknown {
  if (typeof value === 'string')
    return value.length > MAX_DETAILS_TEXT
      ? `${value.slice(0, MAX_DETAILS_TEXT).replace(/\p{Cs}$/u, '')}…`
      : value
  if (Array.isArray(value)) {
    const first = value.slice(0, kept).map((one) => shorten(one, kept))
    return value.length <= kept ? first : { count: value.length, first }
  }
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shorten(one, kept)]))
}
