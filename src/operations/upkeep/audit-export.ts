import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Page } from '../../domain/page.ts'
import type { AuditEventPosition } from '../../storage/audit-scans.ts'

/** Events a query. */
export const EXPORT_PAGE = 1000

/** A page after a position (`undefined`: from the newest on), not beyond `from`. */
export type ReadPage = (
  after: AuditEventPosition | undefined,
  from: Date | undefined,
) => Promise<Page<RecordedAuditEvent>>

/**
 * All events, newest first. To find the newest of all actions, a page looks at a whole page of each action. A window of time
 * that holds about one page spares that: its width follows what the windows before it held.
 */
export async function* eventsInWindows(
  first: Page<RecordedAuditEvent>,
  read: ReadPage,
): AsyncGenerator<RecordedAuditEvent> {
  let page = first
  let width = spanOf(page)
  yield* page.items
  for (let after = lastOf(page); after !== undefined; ) {
    const from = new Date(Math.max(0, after.occurredAt.getTime() - width))
    page = await read(after, from)
    yield* page.items
    if (page.next !== undefined) {
      after = lastOf(page)
      width = Math.max(1, Math.floor(width / 2))
    } else if (page.items.length > 0) {
      after = { occurredAt: from, id: '0' }
      if (page.items.length < EXPORT_PAGE / 2) width *= 2
    } else {
      // A gap, or the end of the trail.
      page = await read(after, undefined)
      yield* page.items
      after = page.next === undefined ? undefined : lastOf(page)
      width = spanOf(page)
    }
  }
}

/** All events of a filter that an index answers, or of a search. */
export async function* eventsInPages(
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

function lastOf({ items, next }: Page<RecordedAuditEvent>): AuditEventPosition | undefined {
  return next === undefined ? undefined : items.at(-1)
}

/** Milliseconds from the newest event of a page to its oldest. */
function spanOf({ items }: Page<RecordedAuditEvent>): number {
  const [newest, oldest] = [items[0], items.at(-1)].map((event) => event?.occurredAt.getTime() ?? 0)
  return Math.max(1, (newest as number) - (oldest as number))
}
