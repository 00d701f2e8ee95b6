import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { deliveryToWire } from '../../wire/webhook.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { DEFAULT_LIMIT, PageQuery, pageOf } from './schemas.ts'
import { DeliveryAnswer, OfDelivery, OfWebhook } from './webhook-schema.ts'

const tags = ['Web hooks']

type Deps = Pick<Operations, 'webhookDeliveries'>

/** A delivery of a web hook, sent or still to send. */
export function webhookDeliveryRoutes(app: AdminScope, { webhookDeliveries }: Deps): void {
  app.post(
    '/admin/realms/:realm/webhooks/:id/test',
    {
      schema: {
        tags,
        operationId: 'testWebhook',
        summary: 'Send a ping to a web hook. It is attempted once; the delivery shows the result',
        params: OfWebhook,
        response: { 202: DeliveryAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      return reply.code(202).send(deliveryToWire(await webhookDeliveries.test(actorOf(request), realm, id)))
    },
  )

  app.get(
    '/admin/realms/:realm/webhooks/:id/deliveries',
    {
      schema: {
        tags,
        operationId: 'listWebhookDeliveries',
        summary: 'List the deliveries of a web hook, newest first. They are kept for 14 days',
        params: OfWebhook,
        querystring: Type.Object(PageQuery),
        response: { 200: pageOf(DeliveryAnswer) },
      },
    },
    async (request) => {
      const { realm, id } = request.params
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const asked = { after: readCursor(cursor), limit }
      return pageToWire(await webhookDeliveries.list(actorOf(request), realm, id, asked), deliveryToWire)
    },
  )
  redeliveryRoute(app, { webhookDeliveries })
}

function redeliveryRoute(app: AdminScope, { webhookDeliveries }: Deps): void {
  app.post(
    '/admin/realms/:realm/webhooks/:id/deliveries/:delivery/redeliver',
    {
      schema: {
        tags,
        operationId: 'redeliverWebhook',
        summary: 'Send a delivery again, with the same webhook-id',
        params: OfDelivery,
        response: { 202: DeliveryAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id, delivery } = request.params
      const again = await webhookDeliveries.redeliver(actorOf(request), realm, id, delivery)
      return reply.code(202).send(deliveryToWire(again))
    },
  )
}
