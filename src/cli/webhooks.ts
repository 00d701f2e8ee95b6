import { type Command, Option } from 'commander'
import {
  stateOf,
  WEBHOOK_EVENT_NAMES,
  type Webhook,
  type WebhookDelivery,
  type WebhookEvent,
} from '../domain/webhook.ts'
import { deliveryToWire, webhookToWire } from '../wire/webhook.ts'
import { whole } from './arguments.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { Answer, InSession } from './session.ts'
import type { Text } from './table.ts'
import { fields, table, time } from './text.ts'

const REALM = 'realm of the web hook'

interface Settings extends InRealm {
  readonly url?: string
  readonly event?: readonly WebhookEvent[]
  readonly description?: string
  readonly enabled?: boolean
  readonly disabled?: boolean
}

/** Addresses that are told of leaked secrets, ending rotations and more: commands of the noun webhook. */
export function webhookCommands(program: Command, inSession: InSession): void {
  const group = program.command('webhook').description('web hooks: addresses that get events of a realm')

  ofRealm(group, 'list', 'web hooks of a realm', REALM).action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const webhooks = await operations.webhooks.list(actor, realm)
      return { json: webhooks.map(webhookToWire), text: listText(webhooks, realm) }
    }),
  )

  settings(ofRealm(group, 'create', 'add a web hook', REALM))
    .requiredOption('--url <address>', 'https address that receives the events')
    .option('--disabled', 'create it paused')
    .action(
      inSession(
        async ({ operations, actor }, { realm, event, disabled, url = '', description }: Settings) => {
          const events = event ?? WEBHOOK_EVENT_NAMES
          const sent = { url, events, enabled: !disabled, ...(description !== undefined && { description }) }
          return describe(await operations.webhooks.create(actor, realm, sent))
        },
      ),
    )

  ofRealm(group, 'show', 'one web hook', REALM)
    .argument('<id>')
    .action(
      inSession(async ({ operations, actor }, id: string, { realm }: InRealm) =>
        describe(await operations.webhooks.find(actor, realm, id)),
      ),
    )
  changeCommands(group, inSession)
  deliveryCommands(group, inSession)
}

function settings(command: Command): Command {
  return command
    .addOption(
      new Option('--event <event...>', 'events that are sent to it (default of a new one: all)').choices(
        WEBHOOK_EVENT_NAMES,
      ),
    )
    .option('--description <text>', 'in your words')
}

function changeCommands(group: Command, inSession: InSession): void {
  settings(ofRealm(group, 'update', 'change a web hook; options left out stay', REALM))
    .argument('<id>')
    .option('--url <address>', 'https address that receives the events')
    .option('--enabled', 'send events to it again; waiting deliveries too')
    .option('--disabled', 'pause it; events that happen meanwhile are not sent later')
    .action(
      inSession(async ({ operations, actor }, id: string, options: Settings) => {
        const { realm, url, event: events, description, enabled, disabled } = options
        const sent = { url, events, description, enabled: enabled ?? (disabled ? false : undefined) }
        return describe(await operations.webhooks.update(actor, realm, id, sent))
      }),
    )

  ofRealm(group, 'delete', 'delete a web hook; waiting deliveries are not sent', REALM)
    .argument('<id>')
    .option(...YES)
    .action(
      inSession(async ({ operations, actor, terminal }, id: string, { realm, yes }: InRealm & Confirmed) => {
        const { url } = await operations.webhooks.find(actor, realm, id)
        await confirmed(terminal, yes, `Delete the web hook to ${url} of realm ${realm}?`)
        await operations.webhooks.delete(actor, realm, id)
        return { json: { id, realm, deleted: true }, text: `Deleted the web hook to ${url}.` }
      }),
    )
}

function deliveryCommands(group: Command, inSession: InSession): void {
  ofRealm(group, 'test', 'send a ping, attempted once; `webhook deliveries` shows the result', REALM)
    .argument('<id>')
    .action(
      inSession(async ({ operations, actor }, id: string, { realm }: InRealm) =>
        describeDelivery(await operations.webhookDeliveries.test(actor, realm, id)),
      ),
    )

  ofRealm(group, 'deliveries', 'deliveries of a web hook, newest first', REALM)
    .argument('<id>')
    .option('--limit <number>', 'maximum number of deliveries', whole, 100)
    .action(
      inSession(async ({ operations, actor }, id: string, { realm, limit }: InRealm & { limit: number }) => {
        const found: WebhookDelivery[] = []
        let after: string | undefined
        do {
          const asked = { after, limit: Math.min(1000, limit - found.length) }
          const { items, next } = await operations.webhookDeliveries.list(actor, realm, id, asked)
          found.push(...items)
          after = next
        } while (after !== undefined && found.length < limit)
        return { json: found.map(deliveryToWire), text: deliveriesText(found) }
      }),
    )

  ofRealm(group, 'redeliver', 'send a delivery again', REALM)
    .argument('<id>')
    .argument('<delivery>', 'its id, msg_…')
    .action(
      inSession(async ({ operations, actor }, id: string, delivery: string, { realm }: InRealm) =>
        describeDelivery(await operations.webhookDeliveries.redeliver(actor, realm, id, delivery)),
      ),
    )
}

function stateText({ enabled, pausedReason, failingSince }: Webhook): string {
  if (!enabled) return pausedReason === undefined ? 'paused' : `paused by the server: ${pausedReason}`
  return failingSince ? `failing since ${time(failingSince)}` : 'enabled'
}

function describe(webhook: Webhook): Answer {
  const text = fields({
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    events: webhook.events.join(', '),
    state: stateText(webhook),
    created: time(webhook.createdAt),
  })
  return { json: webhookToWire(webhook), text }
}

function describeDelivery(delivery: WebhookDelivery): Answer {
  const text = fields({
    id: delivery.id,
    type: delivery.type,
    status: stateOf(delivery),
    attempts: delivery.attempts,
    due: time(delivery.dueAt),
  })
  return { json: deliveryToWire(delivery), text }
}

function listText(webhooks: readonly Webhook[], realm: string): Text {
  if (webhooks.length === 0)
    return `The realm has no web hook. Add one: mintmark webhook create --realm ${realm} --url https://…`
  const rows = webhooks.map((one) => [one.id, stateText(one), one.url, one.events.join(', ')])
  return table(['ID', 'STATE', 'URL', 'EVENTS'], rows)
}

function deliveriesText(deliveries: readonly WebhookDelivery[]): Text {
  if (deliveries.length === 0) return 'No deliveries in the last 14 days.'
  const rows = deliveries.map((one) => [
    one.id,
    time(one.createdAt),
    one.type,
    stateOf(one),
    String(one.attempts),
    one.fault ?? '',
    time(one.dueAt),
  ])
  return table(['ID', 'TIME', 'TYPE', 'STATUS', 'ATTEMPTS', 'LAST ERROR', 'NEXT ATTEMPT'], rows)
}
