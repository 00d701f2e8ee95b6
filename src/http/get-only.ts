import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { scope } from './scope.ts'

const ALLOW = 'GET, HEAD, OPTIONS'

/** Answers every other method of a document: 405 (RFC 9110 section 15.5.6), and OPTIONS with the supported ones. */
export function getOnly(app: FastifyInstance, url: string): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    reply.header('allow', ALLOW).header('cache-control', 'no-store')
    if (request.method === 'OPTIONS') return reply.code(204).send()
    return reply.code(405).send({ error: 'invalid_request', error_description: 'Use GET.' })
  }
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'GET' && method !== 'HEAD'),
    url,
    // Before the body is read.
    onRequest: answer,
    handler: answer,
  })
}

/** The same for a document that scripts of any site may read. */
export function publicGetOnly(app: FastifyInstance, url: string): void {
  const register = async (document: FastifyInstance) => {
    document.addHook('onRequest', (request, reply, done) => {
      reply.header('access-control-allow-origin', '*')
      if (request.method === 'OPTIONS')
        reply
          .header('access-control-allow-methods', 'GET, HEAD')
          .header('access-control-allow-headers', 'If-None-Match')
      done()
    })
    getOnly(document, url)
  }
  app.register(scope('document', register))
}
