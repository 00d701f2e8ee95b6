import { WEBHOOK_EVENTS, type Webhook, type WebhookDelivery } from '../../domain/webhook.ts'
import { choices } from './choices.ts'
import { atMost, badge, field } from './elements.ts'
import { type Html, html } from './html.ts'
import { ago } from './times.ts'
import type { Fields, Visit } from './visit.ts'

export const PATH = '/portal/:realm/webhooks'

export const webhooksAddress = ({ realm }: Visit) => `/portal/${realm}/webhooks`
export const webhookAddress = (visit: Visit, { id }: Pick<Webhook, 'id'>) => `${webhooksAddress(visit)}/${id}`

export function webhookState({ enabled, pausedReason, failingSince }: Webhook): Html {
  if (!enabled) return pausedReason ? badge('danger', 'Paused by the server') : badge('warning', 'Paused')
  return failingSince ? badge('danger', 'Failing') : badge('success', 'Enabled')
}

/** Explains why a web hook gets no events. */
export function webhookTrouble(
  { enabled, pausedReason, failingSince }: Webhook,
  now: Date,
): Html | undefined {
  if (!enabled && pausedReason === 'gone')
    return html`<p><strong>The server paused it: its address answered that it is gone (410).</strong> Correct the address, then enable it again.</p>`
  if (!enabled && pausedReason === 'failing')
    return html`<p><strong>The server paused it: no attempt has succeeded for three days.</strong> See to the receiver, then enable it again.</p>`
  return enabled && failingSince
    ? html`<p>No attempt has succeeded since ${ago(failingSince, now)}. The deliveries below say why.</p>`
    : undefined
}

/** Fields of a new web hook, or of one that is there. */
export function webhookFields(present?: Webhook): Html {
  const chosen: readonly string[] = present?.events ?? Object.keys(WEBHOOK_EVENTS)
  const choice = ([event, meaning]: readonly [string, string]) => ({
    value: event,
    label: html`<code>${event}</code>`,
    hint: `${meaning.charAt(0).toUpperCase() + meaning.slice(1)}.`,
    isChosen: chosen.includes(event),
  })
  return html`${field('url', 'Address', {
    value: present?.url ?? '',
    hint: html`An <code>https</code> address. Everybody who may view the realm sees it: keep secrets out of it.`,
    attributes: html`required maxlength="1024" inputmode="url" spellcheck="false"`,
  })}
${field('description', 'Description (optional)', { value: present?.description ?? '', attributes: atMost(200) })}
${choices({ type: 'checkbox', name: 'events', legend: 'Tell it when' }, Object.entries(WEBHOOK_EVENTS).map(choice))}`
}

export function readWebhook(sent: Fields) {
  return {
    url: sent.get('url').trim(),
    description: sent.get('description').trim(),
    // The operation refuses unknown events.
    events: sent.getAll('events') as Webhook['events'],
  }
}

export function deliveryBadge({ deliveredAt, dueAt }: WebhookDelivery): Html {
  if (deliveredAt) return badge('success', 'Delivered')
  return dueAt ? badge('info', 'Waiting') : badge('danger', 'Failed')
}
