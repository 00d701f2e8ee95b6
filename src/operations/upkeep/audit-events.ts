import type { Actor } from '../../domain/actor.ts'
import type { AuditEventFilter, RecordedAuditEvent } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import type { Page } from '../../domain/page.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type AuditEventPosition, hasAuditTrail, listAuditEvents } from '../../storage/audit-events.ts'
import { findDeletedRealm } from '../../storage/realm-deletion.ts'
import { findRealmByName } from '../../storage/realms.ts'
import { presentActor } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'

export interface AuditEventQuery extends AuditEventFilter {
  /** The `next` of the page before; `undefined`: from the newest on. */
  readonly after?: string | undefined
  readonly limit: number
}

/**
 * Whose trail: a realm by name, for platform administrators also one that was deleted, the last of that name; a realm by
 * id, there or deleted, for platform administrators; `undefined`: the platform itself, for its administrators.
 */
export type TrailOwner = string | { readonly id: string } | undefined

export interface AuditEventOperations {
  /**
   * A page, the newest first.
   * @throws Refusal `forbidden`, `not_found`; `invalid` for an `after` that is none
   */
  listAuditEvents(actor: Actor, owner: TrailOwner, query: AuditEventQuery): Promise<Page<RecordedAuditEvent>>
  /** All of them, page by page as they are taken. @throws Refusal `forbidden`, `not_found` */
  exportAuditEvents(
    actor: Actor,
    owner: TrailOwner,
    filter: AuditEventFilter,
  ): Promise<AsyncGenerator<RecordedAuditEvent>>
}

const EXPORT_PAGE = 1000

export function auditEventOperations(deps: Pick<Dependencies, 'db' | 'clock'>): AuditEventOperations {
  const { db } = deps

  /** The id of the realm, or `undefined` for the platform. */
  async function authorize(actor: Actor, owner: TrailOwner): Promise<string | undefined> {
    if (typeof owner !== 'string') {
      requirePlatformAuthority(actor)
      if (owner !== undefined && !(await hasAuditTrail(db, owner.id)))
        throw new Refusal(
          'not_found',
          `There is no realm with the id ${owner.id}, nor was there one.`,
          'realm_id',
        )
      return owner?.id
    }
    requireAuthority(actor, owner, 'view')
    const deleted = async () => (actor.authority.platform ? findDeletedRealm(db, owner) : undefined)
    const id = (await findRealmByName(db, owner))?.id ?? (await deleted())
    if (id === undefined) throw unknownRealm(owner)
    return id
  }

  async function list(
    actor: Actor,
    owner: TrailOwner,
    { after, limit, ...filter }: AuditEventQuery,
  ): Promise<Page<RecordedAuditEvent>> {
    const realmId = await authorize(actor, owner)
    const position = after === undefined ? undefined : parsePosition(after)
    const items = await listAuditEvents(db, realmId, { ...filter, after: position, limit: limit + 1 })
    if (items.length <= limit) return { items, next: undefined }
    items.pop()
    const { occurredAt, id } = items.at(-1) as RecordedAuditEvent
    return { items, next: `${occurredAt.getTime()}.${id}` }
  }

  return {
    listAuditEvents: list,

    async exportAuditEvents(actor, owner, filter) {
      // An export takes a while, and ends with the authority of who asked for it.
      const pageAfter = async (after: string | undefined) =>
        list(await presentActor(deps, actor), owner, { ...filter, after, limit: EXPORT_PAGE })
      // What is to be refused is refused before the first event.
      return eventsOf(await pageAfter(undefined), pageAfter)
    },
  }
}

async function* eventsOf(
  first: Page<RecordedAuditEvent>,
  pageAfter: (after: string) => Promise<Page<RecordedAuditEvent>>,
): AsyncGenerator<RecordedAuditEvent> {
  yield* first.items
  for (let { next } = first; next !== undefined; ) {
    const page = await pageAfter(next)
    yield* page.items
    next = page.next
  }
}

function parsePosition(text: string): AuditEventPosition {
  const [, milliseconds, id] = /^(\d{1,15})\.(\d{1,18})$/.exec(text) ?? []
  if (milliseconds === undefined || id === undefined)
    throw new Refusal('invalid', 'The cursor is not one of this list.', 'cursor')
  return { occurredAt: new Date(Number(milliseconds)), id }
}
