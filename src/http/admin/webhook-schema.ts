import { MAX_KEY_ADDRESS_LENGTH } from '../../domain/key-address.ts'
import {
  DELIVERY_STATES,
  MAX_WEBHOOK_DESCRIPTION,
  PING,
  WEBHOOK_EVENT_NAMES,
  WEBHOOK_EVENTS,
} from '../../domain/webhook.ts'
import { Type } from '../../wire/json-schema.ts'
import { Closed, InRealm, MaybeMoment, MaybeText, Moment, named, PathName } from './schemas.ts'

export const OfWebhook = Type.Object({ ...InRealm.properties, id: PathName('id of the web hook') })

export const OfDelivery = Type.Object({ ...OfWebhook.properties, delivery: PathName('id of the delivery') })

const EVENTS = Object.entries(WEBHOOK_EVENTS).map(([name, meaning]) => `${name}: ${meaning}`)

const members = {
  url: Type.String({
    maxLength: MAX_KEY_ADDRESS_LENGTH,
    description: 'https address that receives the events, without secrets',
  }),
  description: Type.String({ maxLength: MAX_WEBHOOK_DESCRIPTION, description: 'In your words' }),
  events: Type.Array(named('WebhookEvent', Type.Enum([...WEBHOOK_EVENT_NAMES])), {
    minItems: 1,
    maxItems: WEBHOOK_EVENT_NAMES.length,
    description: `What it is told of. ${EVENTS.join('; ')}`,
  }),
  enabled: Type.Boolean({
    description:
      'false: paused. Events that happen meanwhile are not sent later; waiting deliveries go on waiting',
  }),
}

const optional = Type.Partial(Type.Object(members)).properties

export const NewWebhook = named(
  'NewWebhook',
  Type.Object({ ...optional, url: members.url, events: members.events }, Closed),
)

export const WebhookChange = named('WebhookChange', Type.Object(optional, Closed))

export const WebhookAnswer = named(
  'Webhook',
  Type.Object({
    id: Type.String(),
    ...members,
    paused_reason: Type.Unsafe<string | null>({
      enum: ['failing', 'gone', null],
      description:
        'Why the server paused it: every attempt failed for three days, or its address answered 410. null: it did not',
    }),
    failing_since: MaybeMoment,
    created_at: Moment,
    updated_at: Moment,
  }),
)

export const DeliveryAnswer = named(
  'WebhookDelivery',
  Type.Object({
    id: Type.String({ description: 'The webhook-id of every attempt' }),
    type: Type.Enum([...WEBHOOK_EVENT_NAMES, PING]),
    status: Type.Enum([...DELIVERY_STATES]),
    attempts: Type.Integer(),
    last_attempt_at: MaybeMoment,
    last_status: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      description: 'Status of the last answer; null: there was none',
    }),
    last_error: MaybeText,
    next_attempt_at: MaybeMoment,
    delivered_at: MaybeMoment,
    created_at: Moment,
    payload: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      additionalProperties: true,
      description: 'The body: type, timestamp and data',
    }),
  }),
)
