import type { Actor } from './actor.ts'

/** Actions that change something. A refused attempt has the same name. */
export const CHANGE_ACTIONS = [
  'realm.create',
  'realm.update',
  'realm.delete',
  'realm.apply',
  'service-account.create',
  'service-account.update',
  'service-account.delete',
  'service-account.enable',
  'service-account.disable',
  'service-account.reset-secret',
  'service-account.rotate-secret',
  'service-account.delete-secret',
  'service-account.add-key',
  'service-account.update-key',
  'service-account.delete-key',
  'service-account.leaked-secret',
  'workload-identity.add',
  'workload-identity.delete',
  'trusted-issuer.create',
  'trusted-issuer.update',
  'trusted-issuer.delete',
  'trusted-issuer.end-tokens',
  'service-account.revoke-tokens',
  'service-account.import',
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
  'key.publish-foreign',
  'key.withdraw-foreign',
  'token.revoke',
  'shadow.reset',
  'key.create-current',
  'key.create-next',
  'key.promote-next',
  'key.replace-next',
  'key.remove-retired',
  'master-key.rotate',
  'policy.update',
  'webhook.create',
  'webhook.update',
  'webhook.delete',
  'webhook.test',
  'webhook.redeliver',
  'webhook.pause',
  'portal.link',
  'portal.sign-in',
  'portal.sign-out',
  'portal.end-sessions',
  'portal.session-end',
] as const

/** Actions recorded only when they are refused. */
export const READ_ACTIONS = [
  'realm.list',
  'realm.read',
  'service-account.list',
  'service-account.read',
  'service-account.list-secrets',
  'service-account.list-keys',
  'service-account.preview-token',
  'service-account.list-workload-identities',
  'trusted-issuer.list',
  'trusted-issuer.read',
  'trusted-issuer.explain',
  'grant.list',
  'resource.list',
  'resource.read',
  'key.list',
  'policy.read',
  'webhook.list',
  'webhook.read',
  'webhook.list-deliveries',
  'shadow.read',
  'portal.list-sessions',
  'audit-event.list',
  'audit-event.export',
] as const

export type ChangeAction = (typeof CHANGE_ACTIONS)[number]
export type ReadAction = (typeof READ_ACTIONS)[number]
export type AuditAction = ChangeAction | ReadAction

/** One event of the audit trail. */
export interface AuditEvent {
  readonly actor: Pick<Actor, 'kind' | 'id' | 'address' | 'change' | 'name'>
  readonly action: AuditAction
  /** client_id, kid or name of the target. */
  readonly target: string | undefined
  readonly outcome: 'done' | 'refused'
  /** Values before and after the change, never a secret. */
  readonly details: Record<string, unknown>
}

/** The line of a change that was made. */
export function done(
  actor: AuditEvent['actor'],
  action: ChangeAction,
  target: string | undefined,
  details: Record<string, unknown> = {},
): AuditEvent {
  return { actor, action, target, outcome: 'done', details }
}

/** Whose trail has what happened to the platform itself. */
export const PLATFORM_TRAIL = { id: undefined, name: undefined } as const

export interface RecordedAuditEvent extends Omit<AuditEvent, 'action'> {
  readonly id: string
  /** An `AuditAction`, or an action of another version. */
  readonly action: string
  /** `undefined`: an event of the platform. */
  readonly realm: string | undefined
  /** Distinguishes realms that had the same name at different times. */
  readonly realmId: string | undefined
  readonly occurredAt: Date
}

/** Filters of the trail; absent ones match everything. */
export interface AuditEventFilter {
  readonly from?: Date | undefined
  /** Exclusive. */
  readonly to?: Date | undefined
  readonly action?: string | undefined
  readonly actor?: string | undefined
  readonly target?: string | undefined
  readonly outcome?: AuditEvent['outcome'] | undefined
  /** Part of the actor's id, whatever its case. */
  readonly actorContains?: string | undefined
  /** Part of the target's id or name, whatever its case. */
  readonly targetContains?: string | undefined
}

/** No index answers these: the trail is read for them, a bounded part of it at a time. */
export function isSearch(filter: AuditEventFilter): boolean {
  const { outcome, actorContains, targetContains, action, actor, target } = filter
  const indexed = [action, actor, target].filter((value) => value !== undefined)
  // Two that are common, and have no event in common, would read all of a realm.
  return (
    indexed.length > 1 || outcome !== undefined || actorContains !== undefined || targetContains !== undefined
  )
}

/** Maximum size of an event's details, in bytes of JSON, so that a realm's administrator cannot fill the disk. */
export const MAX_DETAILS_BYTES = 8192

const MAX_DETAILS_TEXT = 500

/** Shortens details until they fit: long lists become `{ count, first }`, long texts are cut. */
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
