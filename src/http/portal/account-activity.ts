import type { AccountUse } from '../../domain/activity.ts'
import type { Operations } from '../../operations/operations.ts'
import { activityChart } from './activity-chart.ts'
import { originsCard, refusalsCard } from './activity-details.ts'
import { auditTable } from './audit.ts'
import { type Html, html } from './html.ts'
import { about, addressOf, tabs } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

/** Lines of the trail on the page. */
const LINES = 20

/** What an account asked for, from where, and what was done to it. */
export function accountActivityScreen(
  portal: Portal,
  operations: Pick<Operations, 'accounts' | 'activity' | 'audit'>,
): void {
  portal.page('/portal/:realm/service-accounts/:clientId/activity', async (visit, { params }) => {
    const { clientId = '' } = params
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const counts = await operations.activity.ofAccount(visit.actor, visit.realm, clientId)
    const uses = await operations.activity.usesOf(visit.actor, visit.realm, clientId)
    const trail = { target: clientId, limit: LINES }
    const { items } = await operations.audit.list(visit.actor, visit.realm, trail)
    const lines = items.map((event) => ({ event, parts: 1, imported: 0 }))
    const all = `/portal/${visit.realm}/audit?${new URLSearchParams({ target: clientId, only: 'target' })}`
    return {
      ...about(visit, account),
      help: 'portal#activity-people-and-settings',
      tab: 'Activity',
      body: html`${tabs(visit, account, 'activity')}
${activityChart('hour', counts.hour, visit.now)}
${activityChart('day', counts.day, visit.now)}
<p class="hint">Counts are about a minute late.</p>
${refusalsCard(counts.refusals)}
${originsCard(visit, counts.origins)}
${usesCard(visit, clientId, uses)}
<div class="section-head"><h2>In the audit trail</h2><a href="${all}">All of its lines</a></div>
${items.length > 0 ? auditTable(visit, lines) : html`<p class="muted">Nothing yet.</p>`}`,
    }
  })
}

const KINDS = {
  secret: 'Secret',
  key: 'Key',
  identity: 'Workload identity',
  gone: 'Deleted credential',
} as const

/** The last use of each credential. */
function usesCard(visit: Visit, clientId: string, uses: readonly AccountUse[]): Html {
  if (uses.length === 0)
    return html`<section class="card"><h2>Last uses</h2><p class="muted">It was not used yet.</p></section>`
  return html`<section class="card"><h2>Last uses</h2><ul class="lines">${uses.map(
    ({ kind, label, at, address, scope }) =>
      html`<li><div><strong>${KINDS[kind]}</strong>${label !== '' && html` <code class="wrap">${label}</code>`}
<p class="muted">from ${address}${scope !== '' && html`, scope ${scope}`}</p></div><span>${when(at, visit.now)}</span></li>`,
  )}</ul>
<p class="hint">One line for each secret, key and workload identity, to the minute. <a href="${addressOf(visit, clientId)}">Its credentials</a></p></section>`
}
