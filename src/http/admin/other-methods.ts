import type { FastifyInstance } from 'fastify'
import { sendProblem } from './problem.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Watches what routes are made, and returns what refuses everything else under /admin: other methods of a known path
 * (RFC 9110 section 15.5.6), and paths that nobody knows.
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = known.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    known.set(url, methods)
  })

  return () => {
    for (const [url, methods] of [...known]) {
      const allow = [...methods].join(', ')
      app.route({
        method: METHODS.filter((method) => !methods.has(method)),
        url,
        schema: { hide: true },
        handler: (request, reply) =>
          sendProblem(request, reply.header('allow', allow), {
            status: 405,
            code: 'method_not_allowed',
            title: 'Method not allowed',
            detail: `Use ${allow}.`,
          }),
      })
    }
    app.route({
      method: METHODS,
      url: '/admin/*',
      schema: { hide: true },
      handler: (request, reply) =>
        sendProblem(request, reply, {
          status: 404,
          code: 'not_found',
          title: 'Not found',
          detail: 'There is nothing at this address.',
        }),
    })
  }
}
