import type { Webhook, WebhookDelivery } from '../../domain/webhook.ts'
import type { Operations } from '../../operations/operations.ts'
import type { AdminApi } from './admin-api.ts'
import { fromWire, pageFromWire, pathOf, toWire } from './wire.ts'

const pathOfOne = (realm: string, id: string) => pathOf('realms', realm, 'webhooks', id)

/** Web hooks, over the admin API. */
export function remoteWebhooks({ ask }: AdminApi): Partial<Operations['webhooks']> {
  return {
    list: async (_actor, realm) =>
      pageFromWire((await ask('GET', pathOf('realms', realm, 'webhooks'))).body, fromWire<Webhook>).items,
    find: async (_actor, realm, id) => fromWire<Webhook>((await ask('GET', pathOfOne(realm, id))).body),
    create: async (_actor, realm, sent) =>
      fromWire<Webhook>(
        (await ask('POST', pathOf('realms', realm, 'webhooks'), { body: toWire(sent) })).body,
      ),
    update: async (_actor, realm, id, sent) =>
      fromWire<Webhook>((await ask('PATCH', pathOfOne(realm, id), { body: toWire(sent) })).body),
    delete: async (_actor, realm, id) => void (await ask('DELETE', pathOfOne(realm, id))),
  }
}

/** What was sent to them. */
export function remoteWebhookDeliveries({ ask }: AdminApi): Partial<Operations['webhookDeliveries']> {
  return {
    list: async (_actor, realm, id, { after: cursor, limit }) => {
      const { body } = await ask('GET', `${pathOfOne(realm, id)}/deliveries`, { query: { cursor, limit } })
      return pageFromWire(body, toDelivery)
    },
    test: async (_actor, realm, id) => toDelivery((await ask('POST', `${pathOfOne(realm, id)}/test`)).body),
    redeliver: async (_actor, realm, id, delivery) => {
      const path = pathOfOne(realm, id) + pathOf('deliveries', delivery, 'redeliver')
      return toDelivery((await ask('POST', path)).body)
    },
  }
}

function toDelivery(body: unknown): WebhookDelivery {
  const { lastAttemptAt, lastStatus, lastError, nextAttemptAt, ...same } = fromWire<
    WebhookDelivery & {
      readonly lastAttemptAt?: Date
      readonly lastStatus?: number
      readonly lastError?: string
      readonly nextAttemptAt?: Date
    }
  >(body)
  const { payload } = body as { readonly payload: unknown }
  return {
    ...same,
    attemptedAt: lastAttemptAt,
    answered: lastStatus,
    fault: lastError,
    dueAt: nextAttemptAt,
    deliveredAt: same.deliveredAt,
    body: JSON.stringify(payload),
  }
}
