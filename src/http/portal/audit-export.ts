import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import { auditEventToWire } from '../../wire/audit-event.ts'

const COLUMNS = [
  'occurred_at',
  'action',
  'outcome',
  'target',
  'actor_kind',
  'actor_id',
  'address',
  'details',
  'id',
  'realm',
  'realm_id',
]

/**
 * Text that a spreadsheet takes for a formula, also after white space or invisible characters, and in full-width form. A tab
 * or line end begins a new cell.
 */
const FORMULA = /^[\s\p{C}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u

/** Quotes every cell, for programs with other separators, and prevents formulas. */
export function csv(events: AsyncIterable<RecordedAuditEvent>): Readable {
  const cells = stringify({
    header: true,
    columns: COLUMNS,
    quoted: true,
    quoted_empty: true,
    cast: { string: withoutFormula, object: (value) => JSON.stringify(value) },
  })
  return Readable.from(events).map(toRow).compose(cells) as Readable
}

function withoutFormula(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text
}

/** In the shape of the admin API. */
export function jsonLines(events: AsyncIterable<RecordedAuditEvent>): Readable {
  return Readable.from(events).map((event) => `${JSON.stringify(auditEventToWire(event))}\n`)
}

/** The same members, without those in others. */
function toRow(event: RecordedAuditEvent) {
  const { actor, occurred_at, ...members } = auditEventToWire(event)
  const flat = { actor_kind: actor.kind, actor_id: actor.id, address: actor.address }
  return { ...members, ...flat, occurred_at: occurred_at.toISOString() }
}
