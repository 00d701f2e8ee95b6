import type { Actor } from '../../domain/actor.ts'
import { type AuditEventFilter, isSearch, type RecordedAuditEvent } from '../../domain/audit-event.ts'
import { requireAuthority, requirePlatformAuthority } from '../../domain/authority.ts'
import { badCursor, type Page, pageOfRows } from '../../domain/page.ts'
import { Refusal, unknownRealm } from '../../domain/refusal.ts'
import { hasAuditTrail } from '../../storage/audit-events.ts'
import { listAuditEvents } from '../../storage/audit-pages.ts'
import type { AuditEventPosition } from '../../storage/audit-scans.ts'
import { searchAuditEvents } from '../../storage/audit-search.ts'
import { findDeletedRealm } from '../../storage/realm-deletion.ts'
import { findRealmByName } from '../../storage/realms.ts'
import { searchBounded } from '../bounded-search.ts'
import { presentActor } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { EXPORT_PAGE, eventsInPages, eventsInWindows, type ReadPage } from './audit-export.ts'
import { auditPartitions } from './audit-partitions.ts'
import { auditRetention } from './audit-retention.ts'

export interface AuditEventQuery extends AuditEventFilter {
  /** `next` of the previous page; `undefined`: start at the newest event. */
  readonly after?: string | undefined
  readonly limit: number
}

/**
 * Which trail: a realm by name, also the last deleted one of that name (platform administrators); a realm by id, existing
 * or deleted (platform administrators); `undefined`: the platform's own (platform administrators).
 */
export type TrailOwner = string | { readonly id: string } | undefined

/** Events that each query of a search reads at most. */
const SEARCH_WINDOWS = [1000, 10_000, 20_000, 20_000]

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log' | 'refusals'>

export type AuditTrail = ReturnType<typeof auditTrail>

export function auditTrail(deps: Deps) {
  const { db, clock, refusals } = deps
  const retention = auditRetention(deps)
  const partitions = auditPartitions(deps)

  /** Id of the realm; `undefined`: the platform. */
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
    if (isSearch(filter)) return search(realmId, { ...filter, after, limit })
    const rows = await listAuditEvents(
      db,
      { realmId, now: clock() },
      { ...filter, after: position, limit: limit + 1 },
    )
    return pageOfRows(rows, limit, positionOf)
  }

  function search(
    realmId: string | undefined,
    { after = '', limit, ...filter }: AuditEventQuery,
  ): Promise<Page<RecordedAuditEvent>> {
    return searchBounded<RecordedAuditEvent>({
      after,
      limit,
      signal: undefined,
      positionOf,
      windows: SEARCH_WINDOWS,
      async read(position, rows, wanted) {
        const at = position === '' ? undefined : parsePosition(position)
        const found = await searchAuditEvents(
          db,
          { realmId, now: clock() },
          { ...filter, after: at, rows, limit: wanted },
        )
        return { hits: found.hits, end: found.end && positionOf(found.end) }
      },
    })
  }

  return {
    /**
     * One page, newest first. A search may give fewer events than its limit, and still a next page.
     * @throws Refusal `forbidden`, `not_found`; `invalid` for an `after` that this list did not return
     */
    list(actor: Actor, owner: TrailOwner, query: AuditEventQuery): Promise<Page<RecordedAuditEvent>> {
      return refusals.ofRead({ actor, action: 'audit-event.list', realm: nameOf(owner) }, () =>
        list(actor, owner, query),
      )
    },

    /** All events, read page by page. @throws Refusal `forbidden`, `not_found` */
    export(
      actor: Actor,
      owner: TrailOwner,
      filter: AuditEventFilter,
    ): Promise<AsyncGenerator<RecordedAuditEvent>> {
      // An export takes a while; it ends if its actor loses authority.
      const pageOf = async (query: Omit<AuditEventQuery, 'limit'>) =>
        list(await presentActor(deps, actor), owner, { ...filter, ...query, limit: EXPORT_PAGE })
      const inWindow: ReadPage = (after, from = filter.from) =>
        pageOf({ after: after && positionOf(after), from: latest(from, filter.from) })
      // Refuse before the first event is sent.
      return refusals.ofRead({ actor, action: 'audit-event.export', realm: nameOf(owner) }, async () => {
        const first = await pageOf({})
        return isOfAllKinds(filter)
          ? eventsInWindows(first, inWindow)
          : eventsInPages(first, (after) => pageOf({ after }))
      })
    },

    /** Makes partitions of the trail ahead of time, and what an upgrade left to do. */
    keepPartitions: () => partitions.keep(),

    /** Deletes audit events that neither their realm nor the policy keeps. Returns how many. @throws Refusal `forbidden` */
    async prune(actor: Actor): Promise<number> {
      requirePlatformAuthority(actor)
      return retention.deleteAll()
    },
  }
}

function positionOf({ occurredAt, id }: AuditEventPosition): string {
  return `${occurredAt.getTime()}.${id}`
}

function nameOf(owner: TrailOwner): string | undefined {
  return typeof owner === 'string' ? owner : undefined
}

function isOfAllKinds({ action, actor, target, ...filter }: AuditEventFilter): boolean {
  return !isSearch(filter) && [action, actor, target].every((value) => value === undefined)
}

function latest(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}

function parsePosition(text: string): AuditEventPosition {
  const [, milliseconds, id] = /^(\d{1,15})\.(\d{1,18})$/.exec(text) ?? []
  if (milliseconds === undefined || id === undefined) throw badCursor()
  return { occurredAt: new Date(Number(milliseconds)), id }
}
