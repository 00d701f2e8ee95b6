import type { Webhook, WebhookDelivery } from '../../domain/webhook.ts'
import type { Operations } from '../../operations/operations.ts'
import { confirmation, form, notice, saveButton, versionField } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { pager } from './pager.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'
import {
  deliveryBadge,
  PATH,
  readWebhook,
  webhookAddress,
  webhookFields,
  webhookState,
  webhooksAddress,
  webhookTrouble,
} from './webhook-frame.ts'

type Deps = Pick<Operations, 'webhooks' | 'webhookDeliveries'>

const ONE = `${PATH}/:id`

const DELIVERIES = 20

const DONE: ReadonlyMap<string, string> = new Map([
  ['added', 'The web hook is added. Send a test to see whether it arrives.'],
  ['saved', 'Saved.'],
  ['paused', 'Paused: it gets no new events until you enable it again.'],
  ['enabled', 'Enabled. Waiting events are sent now.'],
  ['test', 'A test is being sent: reload the page to see the result.'],
  ['again', 'It is being sent again: reload the page to see the result.'],
])

/** One web hook: its settings, and what it was sent. */
export function webhookScreen(portal: Portal, operations: Deps): void {
  const { webhooks, webhookDeliveries } = operations
  portal.page(ONE, async (visit, asked) => {
    const webhook = await webhooks.find(visit.actor, visit.realm, asked.params['id'] as string)
    const query = { after: asked.query('after') || undefined, limit: DELIVERIES }
    const found = await webhookDeliveries.list(visit.actor, visit.realm, webhook.id, query)
    const done = DONE.get(asked.query('done'))
    const trouble = webhookTrouble(webhook, visit.now)
    return {
      ...aboutOne(visit, 'A web hook'),
      actions: visit.mayChange && actions(visit, webhook),
      body: html`${done && notice('success', done)}${trouble && notice('danger', trouble)}
${facts(visit, webhook)}
${deliveriesCard(visit, webhook, found.items)}${pager(asked, { next: found.next, kept: {}, forth: 'Older' })}
${visit.mayChange && settingsCard(visit, webhook)}`,
    }
  })

  portal.action(ONE, async (visit, sent, asked) => {
    const precondition = { ifMatch: [sent.get('version')] }
    const actor = { ...visit.actor, precondition }
    const webhook = await change({ ...visit, actor }, asked, readWebhook(sent))
    return { redirect: `${webhookAddress(visit, webhook)}?done=saved` }
  })
  for (const [verb, enabled] of [
    ['pause', false],
    ['enable', true],
  ] as const)
    portal.action(`${ONE}/${verb}`, async (visit, _sent, asked) => {
      const webhook = await change(visit, asked, { enabled })
      return { redirect: `${webhookAddress(visit, webhook)}?done=${verb}d` }
    })
  sendScreens(portal, operations)
  deleteScreen(portal, operations)

  function change(visit: Visit, { params }: Asked, update: Parameters<Deps['webhooks']['update']>[3]) {
    return webhooks.update(visit.actor, visit.realm, params['id'] as string, update)
  }
}

function sendScreens(portal: Portal, { webhookDeliveries }: Deps): void {
  portal.action(`${ONE}/test`, async (visit, _sent, { params }) => {
    const id = params['id'] as string
    await webhookDeliveries.test(visit.actor, visit.realm, id)
    return { redirect: `${webhookAddress(visit, { id })}?done=test` }
  })

  portal.action(`${ONE}/deliveries/:delivery/again`, async (visit, _sent, { params }) => {
    const id = params['id'] as string
    await webhookDeliveries.redeliver(visit.actor, visit.realm, id, params['delivery'] as string)
    return { redirect: `${webhookAddress(visit, { id })}?done=again` }
  })
}

function deleteScreen(portal: Portal, { webhooks }: Deps): void {
  portal.question(`${ONE}/delete`, async (visit, { params }) => {
    const webhook = await webhooks.find(visit.actor, visit.realm, params['id'] as string)
    const here = webhookAddress(visit, webhook)
    return {
      ...aboutOne(visit, 'Delete a web hook'),
      body: confirmation(visit, {
        action: `${here}/delete`,
        button: 'Delete',
        danger: true,
        cancel: here,
        content: html`<p>Delete the web hook to <code class="wrap">${webhook.url}</code>? Waiting deliveries are not sent, and its list of deliveries is deleted.</p>`,
      }),
    }
  })

  portal.action(`${ONE}/delete`, async (visit, _sent, { params }) => {
    await webhooks.delete(visit.actor, visit.realm, params['id'] as string)
    return { redirect: `${webhooksAddress(visit)}?done=deleted` }
  })
}

function aboutOne(visit: Visit, title: string): Omit<Page, 'body'> {
  return { title, section: 'webhooks', trail: [['Web hooks', webhooksAddress(visit)]] }
}

function actions(visit: Visit, webhook: Webhook): Content {
  const here = webhookAddress(visit, webhook)
  const test = form(visit, `${here}/test`, html`<button>${icon('paper-airplane')}Send a test</button>`)
  const toggle = webhook.enabled
    ? form(visit, `${here}/pause`, html`<button>${icon('pause')}Pause</button>`)
    : form(visit, `${here}/enable`, html`<button class="primary">${icon('check')}Enable</button>`)
  return html`${webhook.enabled && test}${toggle}
<a class="button danger-text" href="${here}/delete">${icon('trash')}Delete</a>`
}

function facts({ now }: Visit, webhook: Webhook): Html {
  return html`<section class="card"><dl class="facts">
<dt>Address</dt><dd><code class="wrap">${webhook.url}</code></dd>
${webhook.description !== '' && html`<dt>Description</dt><dd class="wrap">${webhook.description}</dd>`}
<dt>State</dt><dd>${webhookState(webhook)}</dd>
<dt>Told when</dt><dd>${webhook.events.map((event) => html`<code class="wrap">${event}</code> `)}</dd>
<dt>Added</dt><dd>${when(webhook.createdAt, now)}</dd>
</dl></section>`
}

function deliveriesCard(visit: Visit, webhook: Webhook, deliveries: readonly WebhookDelivery[]): Html {
  if (deliveries.length === 0)
    return html`<section class="card"><h2>Deliveries</h2><p class="muted">No deliveries in the last 14 days.</p></section>`
  const mayAgain = visit.mayChange && webhook.enabled
  const row = (one: WebhookDelivery) => html`<tr>
<td data-label="When">${when(one.createdAt, visit.now)}</td>
<td data-label="Event"><code class="wrap">${one.type}</code></td>
<td data-label="Status">${deliveryBadge(one)}${one.fault !== undefined && html`<p class="muted wrap">${one.fault}</p>`}${one.dueAt && one.attempts > 0 && html`<p class="muted">Next attempt ${when(one.dueAt, visit.now)}</p>`}</td>
<td data-label="Attempts">${one.attempts}</td>
${mayAgain && html`<td class="row-actions">${!one.dueAt && form(visit, `${webhookAddress(visit, webhook)}/deliveries/${one.id}/again`, html`<button class="small">${icon('arrow-path')}Send again<span class="unseen">: ${one.type}</span></button>`)}</td>`}
</tr>`
  return html`<div class="section-head"><h2>Deliveries</h2></div><div class="card flush"><table class="cards">
<thead><tr><th>When</th><th>Event</th><th>Status</th><th>Attempts</th>${mayAgain && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${deliveries.map(row)}</tbody></table></div>`
}

function settingsCard(visit: Visit, webhook: Webhook): Html {
  return html`<section class="card narrow"><h2>Settings</h2>${form(
    visit,
    webhookAddress(visit, webhook),
    html`${versionField(webhook.version)}${webhookFields(webhook)}
<div class="buttons">${saveButton()}</div>`,
  )}</section>`
}
