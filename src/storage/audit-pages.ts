import { sql } from 'kysely'
import type { RecordedAuditEvent } from '../domain/audit-event.ts'
import { type Row, toAuditEvent } from './audit-event-rows.ts'
import { rangesOfPage } from './audit-partitions.ts'
import { type AuditEventPage, eventsOf, type Trail } from './audit-scans.ts'
import type { Database } from './database.ts'

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
