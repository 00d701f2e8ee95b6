import type { FastifyInstance } from 'fastify'

/** Redirects URLs with needless slashes: a realm's name is never empty. */
export function tidyAddresses(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const [path = '', ...query] = request.url.split('?')
    const tidy = path.replace(/\/{2,}/g, '/').replace(/\/$/, '')
    if (tidy === path) return
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    return reply.redirect([tidy, ...query].join('?'), isRead ? 303 : 308)
  })
}
