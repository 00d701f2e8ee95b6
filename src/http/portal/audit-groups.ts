import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Page } from '../../domain/page.ts'

/** One line of the page: an event, or all parts of one import. */
export interface AuditLine {
  /** The newest of them. */
  readonly event: RecordedAuditEvent
  readonly parts: number
  /** What was imported. */
  readonly imported: number
}

const HOUR_MILLISECONDS = 3_600_000

/** Pages that are read for one page of lines at most. */
const MAX_READS = 10

/**
 * A page of lines: a large import writes an event for each part, and is one line.
 * @param read pages of `limit` events
 */
export async function auditLines(
  read: (after: string | undefined) => Promise<Page<RecordedAuditEvent>>,
  after: string | undefined,
  limit: number,
): Promise<Page<AuditLine>> {
  const lines: AuditLine[] = []
  let next = after
  for (let reads = 0; reads < MAX_READS; reads++) {
    const page = await read(next)
    for (const event of page.items) add(lines, event)
    next = page.next
    // A search that gave fewer events has read as much as it may.
    if (next === undefined || lines.length >= limit / 2 || page.items.length < limit) break
  }
  return { items: lines, next }
}

function add(lines: AuditLine[], event: RecordedAuditEvent): void {
  const last = lines.at(-1)
  const imported = importedBy(event)
  if (last && imported > 0 && isSameImport(last.event, event))
    lines[lines.length - 1] = { ...last, parts: last.parts + 1, imported: last.imported + imported }
  else lines.push({ event, parts: 1, imported })
}

function isSameImport(one: RecordedAuditEvent, other: RecordedAuditEvent): boolean {
  const same = (event: RecordedAuditEvent) =>
    JSON.stringify([event.action, event.outcome, event.actor.kind, event.actor.id, event.actor.address])
  const apart = Math.abs(one.occurredAt.getTime() - other.occurredAt.getTime())
  return same(one) === same(other) && apart < HOUR_MILLISECONDS
}

function importedBy({ action, details }: RecordedAuditEvent): number {
  if (!action.endsWith('.import')) return 0
  return ['created', 'updated', 'unchanged', 'refused'].reduce((sum, name) => sum + countOf(details[name]), 0)
}

/** Length of a list, which may have been shortened. */
function countOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (Array.isArray(value)) return value.length
  return Number((value as { count?: number } | null | undefined)?.count ?? 0)
}
