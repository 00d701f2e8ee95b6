import type { FastifyReply } from 'fastify'
import type { Webhook } from '../../domain/webhook.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { webhookToWire } from '../../wire/webhook.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf } from './etag.ts'
import { InRealm, listOf } from './schemas.ts'
import { webhookDeliveryRoutes } from './webhook-deliveries.ts'
import { NewWebhook, OfWebhook, WebhookAnswer, WebhookChange } from './webhook-schema.ts'

const tags = ['Web hooks']

type Deps = Pick<Operations, 'webhooks' | 'webhookDeliveries'>

/** Addresses that are told of what an administrator wants to know. */
export function webhookRoutes(app: AdminScope, operations: Deps, publicUrl: string): void {
  app.get(
    '/admin/realms/:realm/webhooks',
    {
      schema: {
        tags,
        operationId: 'listWebhooks',
        summary: 'List the web hooks, the oldest first',
        params: InRealm,
        response: { 200: listOf(WebhookAnswer) },
      },
    },
    async (request) => {
      const webhooks = await operations.webhooks.list(actorOf(request), request.params.realm)
      return { items: webhooks.map(webhookToWire), next_cursor: null }
    },
  )

  app.post(
    '/admin/realms/:realm/webhooks',
    {
      schema: {
        tags,
        operationId: 'createWebhook',
        summary: 'Add a web hook. Its deliveries are signed by the current signing key of the realm',
        params: InRealm,
        body: NewWebhook,
        response: { 201: WebhookAnswer },
      },
    },
    async (request, reply) => {
      const { realm } = request.params
      const webhook = await operations.webhooks.create(actorOf(request), realm, request.body)
      const location = `${publicUrl}/admin/realms/${realm}/webhooks/${webhook.id}`
      return sendWebhook(reply.code(201).header('location', location), webhook)
    },
  )
  oneWebhookRoutes(app, operations)
  webhookDeliveryRoutes(app, operations)
}

/** One web hook. */
function oneWebhookRoutes(app: AdminScope, operations: Deps): void {
  const path = '/admin/realms/:realm/webhooks/:id'
  app.get(
    path,
    {
      schema: {
        tags,
        operationId: 'getWebhook',
        summary: 'Read a web hook',
        params: OfWebhook,
        response: { 200: WebhookAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      return sendWebhook(reply, await operations.webhooks.find(actorOf(request), realm, id))
    },
  )

  app.patch(
    path,
    {
      schema: {
        tags,
        operationId: 'updateWebhook',
        summary: 'Change a web hook, pause it or enable it again; members left out stay',
        params: OfWebhook,
        body: WebhookChange,
        response: { 200: WebhookAnswer },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      return sendWebhook(reply, await operations.webhooks.update(actorOf(request), realm, id, request.body))
    },
  )
  deleteRoute(app, operations)
}

function deleteRoute(app: AdminScope, operations: Deps): void {
  app.delete(
    '/admin/realms/:realm/webhooks/:id',
    {
      schema: {
        tags,
        operationId: 'deleteWebhook',
        summary: 'Delete a web hook with its deliveries; waiting ones are not sent',
        params: OfWebhook,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, id } = request.params
      await operations.webhooks.delete(actorOf(request), realm, id)
      return reply.code(204).send(null)
    },
  )
}

function sendWebhook(reply: FastifyReply, webhook: Webhook): FastifyReply {
  const wire = webhookToWire(webhook)
  return reply.header('etag', etagOf(webhook.version, wire)).send(wire)
}
