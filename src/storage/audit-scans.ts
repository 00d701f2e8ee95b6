import { type RawBuilder, sql } from 'kysely'
import type { AuditEventFilter } from '../domain/audit-event.ts'
import { COLUMNS, KEY_COLUMNS } from './audit-event-rows.ts'
import type { PartitionRange } from './audit-partitions.ts'

/** End of a page: events are ordered by time, then by id. */
export interface AuditEventPosition {
  readonly occurredAt: Date
  readonly id: string
}

export interface AuditEventPage extends AuditEventFilter {
  /** `undefined`: start at the newest event. */
  readonly after: AuditEventPosition | undefined
  readonly limit: number
}

/** The trail of a realm, or of the platform (`undefined`). */
export interface Trail {
  readonly realmId: string | undefined
  readonly now: Date
}

export type Sql = RawBuilder<unknown>

/** `select … from … e`: the next events by an index, at most `rows`; without an action, at most `rows` of each action. */
export function eventsOf(
  trail: Trail,
  page: Omit<AuditEventPage, 'limit'>,
  range: PartitionRange,
  { rows, end }: { readonly rows: number; readonly end: AuditEventPosition | undefined },
): Sql {
  const key = indexedKey(page)
  const base = bounds(trail, page, range, end)
  const some = (columns: Sql, conditions: readonly Sql[]) =>
    sql`(select ${columns} from audit_events e ${where([...base, ...conditions])} ${orderOf(key)} limit ${rows}) e`
  if (key) return sql`select e.* from ${some(COLUMNS, keyConditions(trail, page, key))}`
  const ofKind = sql`e.action = kinds.action`
  // The time of the last of all by the index alone, so that few more events than those of the page are read.
  const last = end
    ? sql``
    : sql`, last as materialized (select e.occurred_at
      from kinds cross join lateral ${some(KEY_COLUMNS, [ofKind])}
      order by e.occurred_at desc, e.id desc offset ${rows - 1} limit 1)`
  const notBefore = sql`e.occurred_at >= coalesce((select occurred_at from last), '-infinity')`
  return sql`${kindsOf(trail, range)}${last} select e.* from kinds
    cross join lateral ${some(COLUMNS, end ? [ofKind] : [ofKind, notBefore])}`
}

export type Key = 'target' | 'actor' | 'action'

/** Which index is read. */
export function indexedKey({ target, actor, action }: AuditEventFilter): Key | undefined {
  if (target !== undefined) return 'target'
  if (actor !== undefined) return 'actor'
  return action === undefined ? undefined : 'action'
}

export function keyConditions(
  { realmId }: Trail,
  { target, actor, action }: AuditEventFilter,
  key: Key,
): Sql[] {
  if (key === 'action') return [sql`e.action = ${action}`]
  const column = sql.ref(key === 'target' ? 'e.target' : 'e.actor_id')
  const value = key === 'target' ? target : actor
  const hash = sql`hashtextextended(${column}, coalesce(e.realm_id, 0))`
  return [sql`${column} = ${value}`, sql`${hash} = hashtextextended(${value}, ${realmId ?? '0'}::bigint)`]
}

/** Names the realm where the index does: PostgreSQL does not use its order for "realm_id is null" alone. */
export function orderOf(key: Key | undefined): Sql {
  return key === 'target' || key === 'actor'
    ? sql`order by e.occurred_at desc, e.id desc`
    : sql`order by e.realm_id, e.occurred_at desc, e.id desc`
}

/** Actions that the realm has events of, each found by one look at the index. */
export function kindsOf(trail: Trail, range: PartitionRange): Sql {
  const conditions = [ofRealm(trail), ...inRange(range)]
  const first = (more: readonly Sql[]) =>
    sql`(select e.action from audit_events e ${where([...conditions, ...more])} order by e.realm_id, e.action limit 1)`
  return sql`with recursive kinds(action) as (
    ${first([])} union all
    select ${first([sql`e.action > kinds.action`])} from kinds where kinds.action is not null)`
}

function ofRealm({ realmId }: Trail): Sql {
  return realmId === undefined ? sql`e.realm_id is null` : sql`e.realm_id = ${realmId}::bigint`
}

function inRange({ from, to }: PartitionRange): Sql[] {
  return [...(from ? [sql`e.occurred_at >= ${from}`] : []), ...(to ? [sql`e.occurred_at < ${to}`] : [])]
}

/**
 * Conditions on realm and time, with one bound at each end: of two, PostgreSQL may start its scan of the index at the
 * looser one, or not stop at the tighter one.
 * @param end the last event that is wanted, if known
 */
export function bounds(
  trail: Trail,
  { after, from, to }: Omit<AuditEventPage, 'limit'>,
  range: PartitionRange,
  end?: AuditEventPosition,
): Sql[] {
  return [
    ofRealm(trail),
    ...lowerBound(latest(range.from, from), end),
    ...upperBound(earliest(range.to, to), after),
  ]
}

function lowerBound(from: Date | undefined, end: AuditEventPosition | undefined): Sql[] {
  if (!end || (from && from > end.occurredAt)) return inRange({ from, to: undefined })
  const notBefore = sql`(e.occurred_at, e.id) >= (${end.occurredAt}, ${end.id}::bigint)`
  return [...inRange({ from: end.occurredAt, to: undefined }), notBefore]
}

function upperBound(to: Date | undefined, after: AuditEventPosition | undefined): Sql[] {
  if (!after || (to && to <= after.occurredAt)) return inRange({ from: undefined, to })
  // The time alone is what PostgreSQL chooses partitions by.
  const before = sql`(e.occurred_at, e.id) < (${after.occurredAt}, ${after.id}::bigint)`
  return [sql`e.occurred_at <= ${after.occurredAt}`, before]
}

function latest(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other ? new Date(Math.max(+one, +other)) : (one ?? other)
}

function earliest(one: Date | undefined, other: Date | undefined): Date | undefined {
  return one && other ? new Date(Math.min(+one, +other)) : (one ?? other)
}

export function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`
}
