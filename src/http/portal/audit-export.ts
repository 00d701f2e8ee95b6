import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import type { RecordedAuditEvent } from '../../domain/audit-event.ts'

const COLUMNS = ['occurred_at', 'action', 'outcome', 'target', 'actor_kind', 'actor_id', 'address', 'details']

/**
 * What a spreadsheet takes for a formula, also after white space or invisible characters, and in full-width form. A tab
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
  return Readable.from(events).map(toWire).compose(cells) as Readable
}

function withoutFormula(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text
}

export function jsonLines(events: AsyncIterable<RecordedAuditEvent>): Readable {
  return Readable.from(events).map((event) => `${JSON.stringify(toWire(event))}\n`)
}

function toWire({ id, occurredAt, actor, action, target, outcome, details }: RecordedAuditEvent) {
  return {
    id,
    occurred_at: occurredAt.toISOString(),
    actor_kind: actor.kind,
    actor_id: actor.id,
    address: actor.address ?? null,
    action,
    target: target ?? null,
    outcome,
    details,
  }
}
