import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { neverKept } from './oauth-error-handler.ts'

/** Answers every other method of an endpoint that supports only POST: 405, and OPTIONS with what it supports. */
export function postOnly(app: FastifyInstance, url: string): void {
  const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
    neverKept(reply).header('allow', 'POST, OPTIONS')
    if (request.method === 'OPTIONS') return reply.code(204).send()
    reply.code(405)
    return reply.send({ error: 'invalid_request', error_description: 'Use POST.' })
  }
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'POST'),
    url,
    exposeHeadRoute: false,
    // Before the body is read.
    onRequest: refuse,
    handler: refuse,
  })
}
