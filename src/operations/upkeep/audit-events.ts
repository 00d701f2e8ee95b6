import type { Actor } from '../../domain/actor.ts'
import type { AuditEventFilter, RecordedAuditEvent } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import type { Page } from '../../domain/page.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type AuditEventPosition, listAuditEvents } from '../../storage/audit-events.ts'
import { realmNamed } from '../accounts/account-changes.ts'
import type { Dependencies } from '../dependencies.ts'

export interface AuditEventQuery extends AuditEventFilter {
  /** The `next` of the page before; `undefined`: from the newest on. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface AuditEventOperations {
  /**
   * A page, the newest first.
   * @param realmName `undefined`: what happened to the platform itself, for its administrators
   * @throws Refusal `forbidden`, `not_found`; `invalid` for an `after` that is none
   */
  listAuditEvents(
    actor: Actor,
    realmName: string | undefined,
    query: AuditEventQuery,
  ): Promise<Page<RecordedAuditEvent>>
  /** All of them, page by page as they are taken. @throws Refusal `forbidden`, `not_found` */
  exportAuditEvents(
    actor: Actor,
    realmName: string | undefined,
    filter: AuditEventFilter,
  ): Promise<AsyncGenerator<RecordedAuditEvent>>
}

const EXPORT_PAGE = 1000

export function auditEventOperations({ db }: Pick<Dependencies, 'db'>): AuditEventOperations {
  async function list(
    actor: Actor,
    realmName: string | undefined,
    { after, limit, ...filter }: AuditEventQuery,
  ): Promise<Page<RecordedAuditEvent>> {
    if (realmName === undefined) requirePlatformAuthority(actor)
    else requireAuthority(actor, realmName, 'view')
    const realmId = realmName === undefined ? undefined : (await realmNamed(db, realmName)).id
    const position = after === undefined ? undefined : parsePosition(after)
    const items = await listAuditEvents(db, realmId, { ...filter, after: position, limit: limit + 1 })
    if (items.length <= limit) return { items, next: undefined }
    items.pop()
    const { occurredAt, id } = items.at(-1) as RecordedAuditEvent
    return { items, next: `${occurredAt.getTime()}.${id}` }
  }

  return {
    listAuditEvents: list,

    async exportAuditEvents(actor, realmName, filter) {
      const pageAfter = (after: string | undefined) =>
        list(actor, realmName, { ...filter, after, limit: EXPORT_PAGE })
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
