import { sql } from 'kysely'
import type { AuditEventFilter, RecordedAuditEvent } from '../domain/audit-event.ts'
import { COLUMNS, KEY_COLUMNS, type Row, toAuditEvent } from './audit-event-rows.ts'
import { type PartitionRange, rangesOfPage } from './audit-partitions.ts'
import {
  type AuditEventPage,
  type AuditEventPosition,
  bounds,
  eventsOf,
  indexedKey,
  type Key,
  keyConditions,
  kindsOf,
  orderOf,
  type Sql,
  type Trail,
  where,
} from './audit-scans.ts'
import type { Database } from './database.ts'

/** Events that match among the next `rows` or fewer, and the last one read (`undefined` at the end of the trail). */
export async function searchAuditEvents(
  db: Database,
  trail: Trail,
  { rows, ...page }: AuditEventPage & { readonly rows: number },
): Promise<{ hits: RecordedAuditEvent[]; end: AuditEventPosition | undefined }> {
  const hits: RecordedAuditEvent[] = []
  const search = indexedKey(page) ? searchByIndex : searchByKind
  for (const range of await rangesOfPage(db, page, trail.now)) {
    const found = await search(db, trail, { ...page, limit: page.limit - hits.length, rows }, range)
    hits.push(...found.hits)
    if (found.end || hits.length === page.limit) return { hits, end: found.end }
  }
  return { hits, end: undefined }
}

interface Window {
  readonly hits: readonly RecordedAuditEvent[]
  readonly end: AuditEventPosition | undefined
}

type Search = AuditEventPage & { readonly rows: number }

/** Reads events in the order of the index until the page is full or the limit of rows is reached. */
async function searchByIndex(
  db: Database,
  trail: Trail,
  page: Search,
  range: PartitionRange,
): Promise<Window> {
  const conditions = [...bounds(trail, page, range), ...keyConditions(trail, page, indexedKey(page) as Key)]
  const tried = sql.join([sql`true`, ...matches(page)], sql` and `)
  const { rows } = await sql<Row & { is_hit: boolean; is_last: boolean }>`
    select * from (
      select e.*, ${tried} as is_hit,
        row_number() over (order by e.occurred_at desc, e.id desc) = ${page.rows} as is_last
      from (
        select ${COLUMNS} from audit_events e ${where(conditions)}
        order by e.occurred_at desc, e.id desc limit ${page.rows}
      ) e
    ) e
    where is_hit or is_last order by e.occurred_at desc, e.id desc limit ${page.limit + 1}`.execute(db)
  const last = rows.find((row) => row.is_last)
  return {
    hits: rows
      .filter((row) => row.is_hit)
      .slice(0, page.limit)
      .map(toAuditEvent),
    end: last && positionOf(last),
  }
}

/** Finds the end of the window first, by the index alone, since events of all kinds are read kind by kind. */
async function searchByKind(
  db: Database,
  trail: Trail,
  { rows, limit, ...page }: Search,
  range: PartitionRange,
): Promise<Window> {
  const end = await endOfWindow(db, trail, page, { ...range, rows })
  const scan = eventsOf(trail, page, range, { rows, end })
  const found = await sql<Row>`${scan} ${where(matches(page))}
    order by e.occurred_at desc, e.id desc limit ${limit}`.execute(db)
  return { hits: found.rows.map(toAuditEvent), end }
}

function positionOf({ occurred_at, id }: Pick<Row, 'occurred_at' | 'id'>): AuditEventPosition {
  return { occurredAt: occurred_at, id }
}

/** The last of as many events of one kind. */
async function endOfWindow(
  db: Database,
  trail: Trail,
  page: Omit<AuditEventPage, 'limit'>,
  { rows, ...range }: PartitionRange & { readonly rows: number },
): Promise<AuditEventPosition | undefined> {
  const ofKind = [...bounds(trail, page, range), sql`e.action = kinds.action`]
  const found = await sql<Pick<Row, 'occurred_at' | 'id'>>`${kindsOf(trail, range)} select ${KEY_COLUMNS}
    from kinds cross join lateral (select ${KEY_COLUMNS} from audit_events e ${where(ofKind)}
      ${orderOf(undefined)} offset ${rowsOfKind(rows) - 1} limit 1) e
    order by e.occurred_at desc, e.id desc limit 1`.execute(db)
  const [row] = found.rows
  return row && positionOf(row)
}

/** A search reads up to this many events of each action. */
function rowsOfKind(rows: number): number {
  return Math.ceil(rows / 8)
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
