import { parseKeyAddress } from './key-address.ts'
import { Refusal } from './refusal.ts'

/** What a web hook can be told of, and what that means. */
export const WEBHOOK_EVENTS = {
  'secret.leaked': 'a secret was found in public',
  'secret.rotation_ending': 'the old secret of a rotation is about to end',
  'secret.too_old': 'a secret is older than it may be, and lets nobody in',
  'client_key.expired': 'a public key of a service account has come to its end',
  'client_key.revoked': 'a public key of a service account was deleted or ended',
  'signing_key.overdue': 'a key signs for a day longer than the realm rotates its keys',
  'signing_key.revoked': 'a signing key of the realm was revoked',
  'refusals.burst': 'many more token requests than usual are refused',
  'limit.reached': 'a quota or the limit of service accounts is used up',
} as const
export type WebhookEvent = keyof typeof WEBHOOK_EVENTS

export const WEBHOOK_EVENT_NAMES = Object.keys(WEBHOOK_EVENTS) as WebhookEvent[]

/** Sent when an administrator asks for it. */
export const PING = 'ping'

/** Why the server sends no more: each delivery failed for days, or the address answered that it is gone. */
export type PausedReason = 'failing' | 'gone'

export interface WebhookSettings {
  readonly url: string
  /** In the administrator's words; may be empty. */
  readonly description: string
  readonly events: readonly WebhookEvent[]
  readonly enabled: boolean
}

export interface Webhook extends WebhookSettings {
  readonly id: string
  /** Where it is not enabled because the server paused it. */
  readonly pausedReason: PausedReason | undefined
  /** No attempt has succeeded since; `undefined`: the last one did, or there was none. */
  readonly failingSince: Date | undefined
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** One event for one web hook. */
export interface WebhookDelivery {
  /** The webhook-id of every attempt. */
  readonly id: string
  readonly type: WebhookEvent | typeof PING
  /** What is sent. */
  readonly body: string
  readonly createdAt: Date
  readonly attempts: number
  readonly attemptedAt: Date | undefined
  /** Status of the last answer; `undefined`: there was none. */
  readonly answered: number | undefined
  /** What was wrong with the last attempt. */
  readonly fault: string | undefined
  /** When the next attempt is due; `undefined`: it was delivered, or given up. */
  readonly dueAt: Date | undefined
  readonly deliveredAt: Date | undefined
}

export const DELIVERY_STATES = ['waiting', 'delivered', 'failed'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

export function stateOf({ deliveredAt, dueAt }: WebhookDelivery): DeliveryState {
  if (deliveredAt) return 'delivered'
  return dueAt ? 'waiting' : 'failed'
}

/** What happened, or is so: told once to each web hook. */
export interface WebhookOccurrence {
  readonly type: WebhookEvent
  /** The same for the same occurrence, whoever finds it. */
  readonly occurrence: string
  readonly data: Readonly<Record<string, unknown>>
}

export const MAX_WEBHOOKS = 10

/** Deliveries of one web hook that wait: those beyond it are given up at once. */
export const MAX_WAITING = 1000

/** Deliveries are listed for this long. */
export const DELIVERY_KEPT_SECONDS = 14 * 86_400

/** After it, what is still so is told again. */
export const OCCURRENCE_KEPT_SECONDS = 365 * 86_400

export const MAX_WEBHOOK_DESCRIPTION = 200

/** Seconds between the attempts, as Standard Webhooks proposes them: three days and three hours in all. */
const WAITS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

export const MAX_ATTEMPTS = WAITS.length + 1

/**
 * When the attempt after that many is due; `undefined`: none.
 * @param chance from 0 to 1: up to a fifth is added, so that not all come at once
 */
export function nextAttempt(attempts: number, now: Date, chance: number): Date | undefined {
  const wait = WAITS[attempts - 1]
  return wait === undefined ? undefined : new Date(now.getTime() + wait * 1000 * (1 + chance / 5))
}

/** @throws Refusal `invalid` */
export function parseWebhook({ url, description, events, enabled }: WebhookSettings): WebhookSettings {
  if ([...description].length > MAX_WEBHOOK_DESCRIPTION || /\p{Cc}|\p{Cs}/u.test(description))
    throw new Refusal(
      'invalid',
      `description must have at most ${MAX_WEBHOOK_DESCRIPTION} characters, all printable.`,
      'description',
    )
  const unknown = events.find((event) => !Object.hasOwn(WEBHOOK_EVENTS, event))
  if (unknown !== undefined)
    throw new Refusal(
      'invalid',
      `${unknown} is not an event: use ${WEBHOOK_EVENT_NAMES.join(', ')}.`,
      'events',
    )
  if (events.length === 0) throw new Refusal('invalid', 'events must have at least one event.', 'events')
  return {
    url: parseKeyAddress(url, 'url'),
    description,
    events: WEBHOOK_EVENT_NAMES.filter((event) => events.includes(event)),
    enabled,
  }
}

/** The body of a delivery, as Standard Webhooks has it. */
export function webhookBody(
  type: string,
  data: Readonly<Record<string, unknown>>,
  { name }: { readonly name: string },
  now: Date,
): string {
  return JSON.stringify({ type, timestamp: now, data: { realm: name, ...data } })
}

/** When refusals are a burst: so many in an hour, and so many times the average of the day before. */
export const BURST = { atLeast: 100, times: 10 } as const
