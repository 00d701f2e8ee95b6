import type { RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import { csv, jsonLines } from './audit-export.ts'
import { FILTERS, filterForm, filterOf, requireFormat, type WholeId } from './audit-filter.ts'
import { type AuditLine, auditLines } from './audit-groups.ts'
import { detailsOf, WORDS } from './audit-words.ts'
import { badge } from './elements.ts'
import { type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'audit'>

const PAGE = 50

/** Who did what, when, from where, and with what outcome. */
export function auditScreen(portal: Portal, operations: Deps): void {
  portal.page('/portal/:realm/audit', async (visit, asked) => {
    const filter = filterOf(asked)
    const read = (after: string | undefined) =>
      operations.audit.list(visit.actor, visit.realm, { ...filter, limit: PAGE, after })
    const { items, next } = await auditLines(read, asked.query('after') || undefined, PAGE)
    const asNow = queryOf(asked)
    const exported = (format: string) =>
      `/portal/${visit.realm}/audit/export?${withValue(asNow, 'format', format)}`
    return {
      title: 'Audit',
      section: 'audit',
      actions: html`<a class="button" href="${exported('csv')}">${icon('arrow-down-tray')}CSV</a><a class="button" href="${exported('jsonl')}">${icon('arrow-down-tray')}JSON Lines</a>`,
      body: html`<p class="lead">What was done and attempted in this realm, by whom and from where. Nothing here can be changed. Click on a name to see its lines alone.</p>
${filterForm(visit, asked)}
${items.length === 0 ? nothing(next) : auditTable(visit, items)}
${next !== undefined && html`<p class="pager"><a class="button" href="?${withValue(asNow, 'after', next)}">${items.length > 0 ? 'Older' : 'Search on'}${icon('chevron-right')}</a></p>`}`,
    }
  })

  portal.download('/portal/:realm/audit/export', async (visit, asked) => {
    const format = requireFormat(asked)
    const events = await operations.audit.export(visit.actor, visit.realm, filterOf(asked))
    const name = `audit-${visit.realm}-${visit.now.toISOString().slice(0, 10)}`
    if (format === 'csv')
      return { type: 'text/csv; charset=utf-8', name: `${name}.csv`, content: csv(events) }
    return { type: 'application/jsonl; charset=utf-8', name: `${name}.jsonl`, content: jsonLines(events) }
  })
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

function nothing(next: string | undefined): Html {
  const text = next === undefined ? 'No line of the trail is like that.' : 'There are more lines to search.'
  return html`<div class="card empty">${icon('clipboard-document-list')}<h2>Nothing was found${next !== undefined && ' so far'}</h2><p>${text}</p></div>`
}

export function auditTable(visit: Visit, lines: readonly AuditLine[]): Html {
  return html`<div class="card flush"><table class="cards audit">
<thead><tr><th>When</th><th>What</th><th>On what</th><th>Who</th><th>From</th></tr></thead>
<tbody>${lines.map(
    ({ event, parts, imported }) => html`<tr>
<td data-label="When">${when(event.occurredAt, visit.now)}</td>
<td data-label="What">${WORDS.get(event.action) ?? event.action}${event.outcome === 'refused' && html` ${badge('danger', 'refused')}`}
${parts > 1 ? html`<span class="muted">in ${parts} parts</span>` : detailsOf(event)}</td>
<td data-label="On what">${imported > 0 ? importedWords(event, imported) : target(visit, event)}</td>
<td data-label="Who">${who(visit, event)} <span class="muted">${event.actor.kind}</span></td>
<td data-label="From">${event.actor.address ?? html`<span class="muted">this server</span>`}</td>
</tr>`,
  )}</tbody></table></div>`
}

function importedWords({ action }: RecordedAuditEvent, count: number): string {
  const what = action === 'resource.import' ? 'resource' : 'service account'
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
}

/** A person of an identity provider by name and subject. */
function who(visit: Visit, { actor: { id }, details: { actor_name: name } }: RecordedAuditEvent): Html {
  if (typeof name !== 'string' || name === id) return filterLink(visit, 'actor', id, id)
  return html`${filterLink(visit, 'actor', id, name)} <code class="muted">${id}</code>`
}

function filterLink({ realm }: Visit, name: WholeId, value: string, label: string): Html {
  return html`<a class="cell-filter" href="/portal/${realm}/audit?${new URLSearchParams({ [name]: value, only: name }).toString()}">${named(label)}</a>`
}

function target(visit: Visit, event: RecordedAuditEvent): Html {
  const { target: on, details } = event
  if (on === undefined) return html`<span class="muted">—</span>`
  const { name } = details
  const page = pageOf(visit, event)
  if (typeof name === 'string' && name !== on) {
    const id = html`<code class="muted">${on}</code>`
    return html`${filterLink(visit, 'target', on, name)}<br>${page === undefined ? id : html`<a href="${page}">${id}</a>`}`
  }
  return html`${filterLink(visit, 'target', on, on)}${page !== undefined && html` <a class="nowrap" href="${page}">Open<span class="unseen"> ${on}</span></a>`}`
}

/** Pages of what an event is about, by the first word of its action. */
const PAGES: Readonly<Record<string, string>> = {
  'service-account': 'service-accounts',
  role: 'service-accounts',
  grant: 'service-accounts',
  'workload-identity': 'service-accounts',
  'trusted-issuer': 'trusted-issuers',
}

function pageOf(
  { realm }: Visit,
  { target: on = '', action, outcome }: RecordedAuditEvent,
): string | undefined {
  const [noun = '', verb] = action.split('.')
  const page = PAGES[noun]
  if (page === undefined || verb === 'delete' || (outcome === 'refused' && verb === 'create'))
    return undefined
  return `/portal/${realm}/${page}/${encodeURIComponent(on)}`
}
