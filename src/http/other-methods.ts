import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Answers an unsupported method; status and `Allow` are set already. */
export type RefuseMethod = (request: FastifyRequest, reply: FastifyReply, allow: string) => FastifyReply

/**
 * Records the routes of this scope. Returns a function that answers all other methods: OPTIONS with the supported ones,
 * any other with 405 (RFC 9110 sections 9.3.7 and 15.5.6). Neither is secret, so neither needs a token.
 */
export function watchMethods(app: FastifyInstance): (refuse: RefuseMethod) => void {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = known.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    known.set(url, methods)
  })

  return (refuse) => {
    for (const [url, methods] of [...known]) {
      const others = app.supportedMethods.filter((method) => !methods.has(method))
      if (others.length === 0) continue
      const allow = [...methods, 'OPTIONS'].filter((method, at, all) => all.indexOf(method) === at).join(', ')
      // Before the body is read.
      const answer = async (request: FastifyRequest, reply: FastifyReply) => {
        reply.header('allow', allow)
        if (request.method === 'OPTIONS') return reply.code(204).send()
        return refuse(request, reply.code(405), allow)
      }
      app.route({
        method: others,
        url,
        exposeHeadRoute: false,
        schema: { hide: true },
        onRequest: answer,
        handler: answer,
      })
    }
  }
}
