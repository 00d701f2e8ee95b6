import { type RawBuilder, sql } from 'kysely'
import type { AuditEventFilter, RecordedAuditEvent } from '../domain/audit-event.ts'
import { COLUMNS, KEY_COLUMNS, type Row, toAuditEvent } from './audit-event-rows.ts'
import { type PartitionRange, rangesOfPage } from './audit-partitions.ts'
import type { Database } from './database.ts'

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

type Sql = RawBuilder<unknown>

/** One page, newest first. Heeds one of action, actor and target at most: two are a search. */
export async function listAuditEvents(
  db: Database,
  trail: Trail,
  page: AuditEventPage,
): Promise<RecordedAuditEvent[]> {
  const events: RecordedAuditEvent[] = []
  for (const range of await rangesOfPage(db, page, trail.now)) {
    const rows = page.limit - events.length
    const scan = eventsOf(trail, page, range, { rows, end: undefined })
    const found = await sql<Row>`${scan} order by e.occurred_at desc, e.id desc limit ${rows}`.execute(db)
    events.push(...found.rows.map(toAuditEvent))
    if (events.length === page.limit) break
  }
  return events
}

/** Events that match among the next `rows` or fewer, and the last one read (`undefined` at the end of the trail). */
export async function searchAuditEvents(
  db: Database,
  trail: Trail,
  { rows, ...page }: AuditEventPage & { readonly rows: number },
): Promise<{ hits: RecordedAuditEvent[]; end: AuditEventPosition | undefined }> {
  const hits: RecordedAuditEvent[] = []
  for (const range of await rangesOfPage(db, page, trail.now)) {
    const end = await endOfWindow(db, trail, page, { ...range, rows })
    const scan = eventsOf(trail, page, range, { rows, end })
    const limit = page.limit - hits.length
    const found = await sql<Row>`${scan} ${where(matches(page))}
      order by e.occurred_at desc, e.id desc limit ${limit}`.execute(db)
    hits.push(...found.rows.map(toAuditEvent))
    if (end || hits.length === page.limit) return { hits, end }
  }
  return { hits, end: undefined }
}

/** The last of so many events; where they are read kind by kind, as many of a kind end the window. */
async function endOfWindow(
  db: Database,
  trail: Trail,
  page: AuditEventPage,
  { rows, ...range }: PartitionRange & { readonly rows: number },
): Promise<AuditEventPosition | undefined> {
  const key = indexedKey(page)
  const last = (conditions: readonly Sql[], perKind: number) =>
    sql`(select ${KEY_COLUMNS} from audit_events e ${where([...bounds(trail, page, range), ...conditions])}
      ${orderOf(key)} offset ${perKind - 1} limit 1) e`
  const scan = key
    ? sql`select ${KEY_COLUMNS} from ${last(keyConditions(trail, page, key), rows)}`
    : sql`${kindsOf(trail, range)} select ${KEY_COLUMNS}
      from kinds cross join lateral ${last([sql`e.action = kinds.action`], rowsOfKind(rows))}`
  const found = await sql<Pick<Row, 'occurred_at' | 'id'>>`${scan}
    order by e.occurred_at desc, e.id desc limit 1`.execute(db)
  const [row] = found.rows
  return row && { occurredAt: row.occurred_at, id: row.id }
}

/** A search reads up to this many events of each action. */
function rowsOfKind(rows: number): number {
  return Math.ceil(rows / 8)
}

/** `select … from … e`: the next events by an index, so many at most, of each action where none is asked for. */
function eventsOf(
  trail: Trail,
  page: AuditEventPage,
  range: PartitionRange,
  { rows, end }: { readonly rows: number; readonly end: AuditEventPosition | undefined },
): Sql {
  const key = indexedKey(page)
  const base = bounds(trail, page, range)
  const from = end ? [sql`(e.occurred_at, e.id) >= (${end.occurredAt}, ${end.id}::bigint)`] : []
  const some = (columns: Sql, conditions: readonly Sql[]) =>
    sql`(select ${columns} from audit_events e ${where([...base, ...conditions])} ${orderOf(key)} limit ${rows}) e`
  if (key) return sql`select e.* from ${some(COLUMNS, [...from, ...keyConditions(trail, page, key)])}`
  const ofKind = sql`e.action = kinds.action`
  // The last of all by the index alone, so that only events of the page are read.
  const last = end
    ? sql``
    : sql`, last as materialized (select e.occurred_at, e.id
      from kinds cross join lateral ${some(KEY_COLUMNS, [ofKind])}
      order by e.occurred_at desc, e.id desc offset ${rows - 1} limit 1)`
  const notBefore = sql`(e.occurred_at, e.id) >=
    (coalesce((select occurred_at from last), '-infinity'), coalesce((select id from last), 0))`
  return sql`${kindsOf(trail, range)}${last} select e.* from kinds
    cross join lateral ${some(COLUMNS, [ofKind, ...(end ? from : [notBefore])])}`
}

type Key = 'target' | 'actor' | 'action'

/** Which index is read. */
function indexedKey({ target, actor, action }: AuditEventFilter): Key | undefined {
  if (target !== undefined) return 'target'
  if (actor !== undefined) return 'actor'
  return action === undefined ? undefined : 'action'
}

function keyConditions({ realmId }: Trail, { target, actor, action }: AuditEventFilter, key: Key): Sql[] {
  if (key === 'action') return [sql`e.action = ${action}`]
  const column = sql.ref(key === 'target' ? 'e.target' : 'e.actor_id')
  const value = key === 'target' ? target : actor
  const hash = sql`hashtextextended(${column}, coalesce(e.realm_id, 0))`
  return [sql`${column} = ${value}`, sql`${hash} = hashtextextended(${value}, ${realmId ?? '0'}::bigint)`]
}

/** Names the realm where the index does: PostgreSQL does not use its order for "realm_id is null" alone. */
function orderOf(key: Key | undefined): Sql {
  return key === 'target' || key === 'actor'
    ? sql`order by e.occurred_at desc, e.id desc`
    : sql`order by e.realm_id, e.occurred_at desc, e.id desc`
}

/** Actions that the realm has events of, each found by one look at the index. */
function kindsOf(trail: Trail, range: PartitionRange): Sql {
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

function bounds(trail: Trail, { after, from, to }: AuditEventPage, range: PartitionRange): Sql[] {
  const before = after && sql`(e.occurred_at, e.id) < (${after.occurredAt}, ${after.id}::bigint)`
  return [ofRealm(trail), ...inRange(range), ...inRange({ from, to }), ...(before ? [before] : [])]
}

/** Filters that are tried on each event that was read. */
function matches({ outcome, action, actor, actorContains, targetContains }: AuditEventFilter): Sql[] {
  const has = (part: string, text: string) => sql`position(lower(${part}) in lower(${sql.raw(text)})) > 0`
  const who = "e.actor_kind || ' ' || e.actor_id || E'\\n' || coalesce(e.details ->> 'actor_name', '')"
  const what = "coalesce(e.target, '') || E'\\n' || coalesce(e.details ->> 'name', '')"
  return [
    ...(outcome === undefined ? [] : [sql`e.outcome = ${outcome}`]),
    ...(action === undefined ? [] : [sql`e.action = ${action}`]),
    ...(actor === undefined ? [] : [sql`e.actor_id = ${actor}`]),
    ...(actorContains === undefined ? [] : [has(actorContains, who)]),
    ...(targetContains === undefined ? [] : [has(targetContains, what)]),
  ]
}

function where(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`
}
