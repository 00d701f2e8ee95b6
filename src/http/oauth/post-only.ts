import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { neverKept } from './oauth-error-handler.ts'

/** Answers every other method of an endpoint that supports only POST, whatever the body. */
export function postOnly(app: FastifyInstance, url: string): void {
  const refuse = async (_request: FastifyRequest, reply: FastifyReply) => {
    neverKept(reply).code(405).header('allow', 'POST')
    return reply.send({ error: 'invalid_request', error_description: 'Use POST.' })
  }
  app.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    exposeHeadRoute: false,
    // Before the body is read.
    onRequest: refuse,
    handler: refuse,
  })
}
