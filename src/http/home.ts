import type { FastifyInstance } from 'fastify'
import { getOnly } from './get-only.ts'

/** Redirects people to the portal. Programs, which do not accept HTML, get 404. */
export function homeRoute(app: FastifyInstance): void {
  app.get('/', async (request, reply) => {
    reply.header('vary', 'accept')
    const wantsPage = /\btext\/html\b/i.test(request.headers.accept ?? '')
    return wantsPage ? reply.redirect('/portal', 303) : reply.callNotFound()
  })
  getOnly(app, '/')
}
