import type { AuditEventFilter } from '../../domain/audit-event.ts'
import { Refusal } from '../../domain/refusal.ts'
import { WORDS } from './audit-words.ts'
import { field } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Asked, Visit } from './visit.ts'

export const FILTERS = ['from', 'to', 'action', 'outcome', 'actor', 'target', 'only'] as const

/** Value of `only`: this one is the whole id rather than a part, and an index finds its lines. */
export type WholeId = 'actor' | 'target'

const DAY_MILLISECONDS = 86_400_000
const OUTCOMES = ['done', 'refused'] as const
const FORMATS = ['csv', 'jsonl']

/** Filters of the query; those with a fault do not count. */
export function filterOf({ query }: Asked): AuditEventFilter {
  const to = day(query('to'))
  const text = (name: string) => query(name).trim().slice(0, 200) || undefined
  return {
    from: day(query('from')),
    // Includes the day itself.
    to: to && new Date(to.getTime() + DAY_MILLISECONDS),
    action: text('action'),
    outcome: OUTCOMES.find((outcome) => outcome === query('outcome')),
    ...(query('only') === 'actor' ? { actor: text('actor') } : { actorContains: text('actor') }),
    ...(query('only') === 'target' ? { target: text('target') } : { targetContains: text('target') }),
  }
}

/** @throws Refusal `invalid` */
export function requireFormat({ query }: Asked): string {
  const format = query('format')
  if (FORMATS.includes(format)) return format
  throw new Refusal('invalid', 'The trail is exported with format=csv or format=jsonl.', 'format')
}

function day(text: string): Date | undefined {
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : Number.NaN)
  // 31 February would be a day in March.
  return date.getTime() >= 0 && date.toISOString().startsWith(text) ? date : undefined
}

function faultOf({ query }: Asked, name: 'from' | 'to'): string | undefined {
  const text = query(name).trim()
  if (text === '') return undefined
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return `“${text.slice(0, 20)}” is no day: write it like 2026-11-28.`
  const date = day(text)
  if (!date) return `There is no day ${text}.`
  const from = day(query('from'))
  return name === 'to' && from && date < from ? 'It is before the day in From.' : undefined
}

export function filterForm({ realm }: Visit, asked: Asked): Html {
  const { query } = asked
  const date = (name: 'from' | 'to', label: string) => {
    const fault = faultOf(asked, name)
    // A date field of the browser cannot show what is no date.
    const type = fault === undefined || day(query(name)) ? 'date' : 'text'
    return field(name, label, { value: query(name).slice(0, 200), type, fault })
  }
  const part = (name: string, label: string) =>
    field(name, label, { value: query(name).slice(0, 200), attributes: html`maxlength="200"` })
  const unknown = !WORDS.has(query('action')) && query('action') !== ''
  const option = (name: string, [value, words]: readonly [string, string]) =>
    html`<option value="${value}"${value === query(name) && html` selected`}>${words}</option>`
  const actions = [...WORDS, ...(unknown ? [[query('action'), query('action')] as const] : [])]
  return html`<form method="get" class="card filters" aria-label="Filter">
${date('from', 'From (UTC)')}
${date('to', 'To, that day too (UTC)')}
<div class="field"><label for="action">Action</label><select id="action" name="action"><option value="">Any</option>${actions.map((one) => option('action', one))}</select></div>
<div class="field"><label for="outcome">Outcome</label><select id="outcome" name="outcome"><option value="">Any</option>${OUTCOMES.map((one) => option('outcome', [one, one]))}</select></div>
${part('actor', 'Who')}
${part('target', 'On what: part of a name or id')}
<div class="buttons"><button>Filter</button><a class="button quiet" href="/portal/${realm}/audit">Clear</a></div>
</form>
${wholeIdHint(asked)}`
}

/** The form searches for parts: this says that the lines below it are of a whole id. */
function wholeIdHint({ query }: Asked): Content {
  const name = query('only')
  if ((name !== 'actor' && name !== 'target') || query(name) === '') return undefined
  const search = new URLSearchParams()
  for (const other of FILTERS) if (other !== 'only' && query(other) !== '') search.set(other, query(other))
  return html`<p class="hint">Lines ${name === 'actor' ? 'by' : 'on'} ${named(query(name).slice(0, 200))} alone. <a href="?${search.toString()}">Search for it as a part of others too</a></p>`
}
