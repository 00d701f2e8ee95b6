import type { AuditEventFilter, RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import { csv, jsonLines } from './audit-export.ts'
import { detailsOf, WORDS } from './audit-words.ts'
import { badge } from './elements.ts'
import { type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'audit'>

const PAGE = 50
const DAY_MILLISECONDS = 86_400_000
const FILTERS = ['from', 'to', 'action', 'actor', 'target'] as const

/** Who did what, when, from where, and with what outcome. */
export function auditScreen(portal: Portal, operations: Deps): void {
  portal.page('/portal/:realm/audit', async (visit, asked) => {
    const after = asked.query('after')
    const { items, next } = await operations.audit.list(visit.actor, visit.realm, {
      ...filterOf(asked),
      limit: PAGE,
      after: after === '' ? undefined : after,
    })
    const asNow = queryOf(asked)
    const exported = (format: string) =>
      `/portal/${visit.realm}/audit/export?${withValue(asNow, 'format', format)}`
    return {
      title: 'Audit',
      section: 'audit',
      actions: html`<a class="button" href="${exported('csv')}">${icon('arrow-down-tray')}CSV</a><a class="button" href="${exported('jsonl')}">${icon('arrow-down-tray')}JSON Lines</a>`,
      body: html`<p class="lead">What was done and attempted in this realm, by whom and from where. Nothing here can be changed.</p>
${filterForm(visit, asked)}
${items.length === 0 ? nothing() : table(visit, items)}
${next !== undefined && html`<p class="pager"><a class="button" href="?${withValue(asNow, 'after', next)}">Older${icon('chevron-right')}</a></p>`}`,
    }
  })

  portal.download('/portal/:realm/audit/export', async (visit, asked) => {
    const events = await operations.audit.export(visit.actor, visit.realm, filterOf(asked))
    const name = `audit-${visit.realm}-${visit.now.toISOString().slice(0, 10)}`
    if (asked.query('format') === 'csv')
      return { type: 'text/csv; charset=utf-8', name: `${name}.csv`, content: csv(events) }
    return { type: 'application/jsonl; charset=utf-8', name: `${name}.jsonl`, content: jsonLines(events) }
  })
}

function filterOf({ query }: Asked): AuditEventFilter {
  const from = day(query('from'))
  const to = day(query('to'))
  const text = (name: string) => query(name).trim() || undefined
  return {
    from,
    // Includes the day itself.
    to: to && new Date(to.getTime() + DAY_MILLISECONDS),
    action: text('action'),
    actor: text('actor'),
    target: text('target'),
  }
}

function day(text: string): Date | undefined {
  const date = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : Number.NaN)
  return Number.isNaN(date.getTime()) ? undefined : date
}

function queryOf({ query }: Asked): URLSearchParams {
  return new URLSearchParams(
    FILTERS.map((name): [string, string] => [name, query(name)]).filter(([, value]) => value !== ''),
  )
}

function withValue(query: URLSearchParams, name: string, value: string): string {
  const more = new URLSearchParams(query)
  more.set(name, value)
  return more.toString()
}

function filterForm({ realm }: Visit, { query }: Asked): Html {
  const input = (name: string, label: string, type: string) =>
    html`<div class="field"><label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" value="${query(name)}" maxlength="200" autocomplete="off"></div>`
  const unknown = !WORDS.has(query('action')) && query('action') !== ''
  const option = ([value, words]: readonly [string, string]) =>
    html`<option value="${value}"${value === query('action') && html` selected`}>${words}</option>`
  return html`<form method="get" class="card filters" aria-label="Filter">
${input('from', 'From', 'date')}
${input('to', 'To', 'date')}
<div class="field"><label for="action">Action</label><select id="action" name="action"><option value="">Any</option>${[...WORDS].map(option)}${unknown && option([query('action'), query('action')])}</select></div>
${input('actor', 'Who', 'text')}
${input('target', 'On what', 'text')}
<div class="buttons"><button>Filter</button><a class="button quiet" href="/portal/${realm}/audit">Clear</a></div>
</form>`
}

function nothing(): Html {
  return html`<div class="card empty">${icon('clipboard-document-list')}<h2>Nothing was found</h2><p>No line of the trail is like that.</p></div>`
}

function table({ now }: Visit, events: readonly RecordedAuditEvent[]): Html {
  return html`<div class="card flush"><table class="cards audit">
<thead><tr><th>When</th><th>What</th><th>On what</th><th>Who</th><th>From</th></tr></thead>
<tbody>${events.map(
    (event) => html`<tr>
<td data-label="When">${when(event.occurredAt, now)}</td>
<td data-label="What">${WORDS.get(event.action) ?? event.action}${event.outcome === 'refused' && html` ${badge('danger', 'refused')}`}
${detailsOf(event)}</td>
<td data-label="On what">${target(event)}</td>
<td data-label="Who">${named(event.actor.id)} <span class="muted">${event.actor.kind}</span></td>
<td data-label="From">${event.actor.address ?? html`<span class="muted">this server</span>`}</td>
</tr>`,
  )}</tbody></table></div>`
}

function target({ target: on, details: { name } }: RecordedAuditEvent): Html {
  if (typeof name === 'string' && name !== on) return html`${named(name)}<br><code class="muted">${on}</code>`
  return on === undefined ? html`<span class="muted">—</span>` : named(on)
}
