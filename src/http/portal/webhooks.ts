import { MAX_WEBHOOKS, type Webhook } from '../../domain/webhook.ts'
import type { Operations } from '../../operations/operations.ts'
import { form, notice } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { Portal, Visit } from './visit.ts'
import {
  PATH,
  readWebhook,
  webhookAddress,
  webhookFields,
  webhookState,
  webhooksAddress,
} from './webhook-frame.ts'

/** Settings → Web hooks: addresses that are told of what an administrator wants to know. */
export function webhooksScreen(portal: Portal, operations: Pick<Operations, 'webhooks'>): void {
  portal.page(PATH, async (visit, { query }) => {
    const webhooks = await operations.webhooks.list(visit.actor, visit.realm)
    const isFull = webhooks.length >= MAX_WEBHOOKS
    return {
      title: 'Web hooks',
      section: 'webhooks',
      actions: visit.mayChange && !isFull && webhooks.length > 0 && addButton(visit, 'Add a web hook'),
      body: html`${query('done') === 'deleted' && notice('success', 'The web hook is deleted, with its deliveries.')}
<p class="lead">Your addresses that get an event at once when a secret leaks, a rotation is about to end or a limit is reached. Each event is signed with the realm’s key.</p>
${isFull && notice('info', `The realm has ${MAX_WEBHOOKS} web hooks, which is the limit. Delete one that is no longer used before you add another.`)}
${webhooks.length > 0 ? table(visit, webhooks) : empty(visit)}`,
    }
  })

  portal.question(`${PATH}/add`, async (visit) => ({
    title: 'Add a web hook',
    section: 'webhooks',
    trail: [['Web hooks', webhooksAddress(visit)]],
    body: html`<section class="card narrow">${form(
      visit,
      `${webhooksAddress(visit)}/add`,
      html`${webhookFields()}
<div class="buttons"><button class="primary">Add it</button><a class="button" href="${webhooksAddress(visit)}">Cancel</a></div>`,
    )}</section>`,
  }))

  portal.action(`${PATH}/add`, async (visit, sent) => {
    const webhook = await operations.webhooks.create(visit.actor, visit.realm, readWebhook(sent))
    return { redirect: `${webhookAddress(visit, webhook)}?done=added` }
  })
}

function addButton(visit: Visit, label: string): Html {
  return html`<a class="button primary" href="${webhooksAddress(visit)}/add">${icon('plus')}${label}</a>`
}

function table(visit: Visit, webhooks: readonly Webhook[]): Html {
  const row = (webhook: Webhook) => html`<tr>
<td data-label="Address"><a class="strong wrap" href="${webhookAddress(visit, webhook)}">${webhook.url}</a>${webhook.description !== '' && html`<br><span class="muted wrap">${webhook.description}</span>`}</td>
<td data-label="Events">${webhook.events.length}</td>
<td data-label="State">${webhookState(webhook)}</td>
${visit.mayChange && html`<td class="row-actions"><a class="button small danger-text" href="${webhookAddress(visit, webhook)}/delete" aria-label="Delete ${webhook.url}">${icon('trash')}Delete</a></td>`}
</tr>`
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>Address</th><th>Events</th><th>State</th>${visit.mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${webhooks.map(row)}</tbody></table></div>`
}

function empty(visit: Visit): Html {
  return html`<div class="card empty">${icon('bell')}<h2>No web hooks yet</h2>
<p>Add the address of your chat, your pager or your own program.</p>
${visit.mayChange && html`<p>${addButton(visit, 'Add the first one')}</p>`}</div>`
}
