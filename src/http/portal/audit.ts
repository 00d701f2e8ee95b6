import type { AuditAction, AuditEventFilter, RecordedAuditEvent } from '../../domain/audit-event.ts'
import type { Operations } from '../../operations/operations.ts'
import { csv, jsonLines } from './audit-export.ts'
import { badge } from './elements.ts'
import { type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'audit'>

const PAGE = 50
const DAY_MILLISECONDS = 86_400_000
const FILTERS = ['from', 'to', 'action', 'actor', 'target'] as const

const LABELS: Readonly<Record<AuditAction, string>> = {
  'realm.create': 'Create the realm',
  'realm.update': 'Change the realm',
  'realm.apply': 'Apply a realm file',
  'realm.delete': 'Delete the realm',
  'service-account.create': 'Create a service account',
  'service-account.update': 'Change a service account',
  'service-account.delete': 'Delete a service account',
  'service-account.enable': 'Enable a service account',
  'service-account.disable': 'Disable a service account',
  'service-account.reset-secret': 'Reset a secret',
  'service-account.rotate-secret': 'Rotate a secret with overlap',
  'service-account.delete-secret': 'End a secret',
  'service-account.add-key': 'Add a public key',
  'service-account.update-key': 'Change a public key',
  'service-account.delete-key': 'Delete a public key',
  'service-account.leaked-secret': 'Leaked secret reported',
  'workload-identity.add': 'Add a workload identity',
  'workload-identity.delete': 'Delete a workload identity',
  'trusted-issuer.create': 'Trust an issuer',
  'trusted-issuer.update': 'Change a trusted issuer',
  'trusted-issuer.delete': 'Delete a trusted issuer',
  'trusted-issuer.end-tokens': 'Tokens of a trusted issuer ended',
  'service-account.revoke-tokens': 'Revoke all tokens',
  'role.add': 'Give a role on the realm',
  'role.remove': 'Take a role on the realm away',
  'grant.add': 'Grant a role',
  'grant.remove': 'Take a role away',
  'grant.replace': 'Replace all grants',
  'resource.create': 'Create a resource',
  'resource.import': 'Import resources',
  'service-account.import': 'Import service accounts',
  'resource.update': 'Change a resource',
  'resource.delete': 'Delete a resource',
  'key.rotate': 'Rotate the key',
  'key.revoke': 'Revoke a key',
  'token.revoke': 'Revoke a token',
  'key.create-current': 'Make a key',
  'key.create-next': 'Publish the next key',
  'key.promote-next': 'Sign with the next key',
  'key.remove-retired': 'Remove a retired key',
  'key.replace-next': 'Replace the next key',
  'master-key.rotate': 'Rotate the master key',
  'policy.update': 'Change the policy',
  'portal.link': 'Make a one-time link',
  'portal.sign-in': 'Sign in to the portal',
  'portal.sign-out': 'Sign out of the portal',
  'portal.end-sessions': 'End portal sessions',
  'portal.session-end': 'Portal session ended by the identity provider',
  'realm.list': 'List realms',
  'realm.read': 'Read the realm',
  'service-account.list': 'List service accounts',
  'service-account.read': 'Read a service account',
  'service-account.list-secrets': 'List secrets',
  'service-account.list-keys': 'List public keys',
  'service-account.preview-token': 'Preview a token',
  'service-account.list-workload-identities': 'List workload identities',
  'trusted-issuer.list': 'List trusted issuers',
  'trusted-issuer.read': 'Read a trusted issuer',
  'trusted-issuer.explain': 'Explain a platform token',
  'grant.list': 'List grants',
  'resource.list': 'List resources',
  'resource.read': 'Read a resource',
  'key.list': 'List keys',
  'policy.read': 'Read the policy',
  'portal.list-sessions': 'List portal sessions',
  'audit-event.list': 'Read the audit trail',
  'audit-event.export': 'Export the audit trail',
}

/** Labels of actions; an action of another version keeps its name. */
const WORDS: ReadonlyMap<string, string> = new Map(Object.entries(LABELS))

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
${Object.keys(event.details).length > 0 && html`<details><summary>Details</summary><pre>${JSON.stringify(event.details, undefined, 2)}</pre></details>`}</td>
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
