import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { note } from './request-log.ts'

/** Answers an unsupported method; status and `Allow` are set already. */
export type RefuseMethod = (request: FastifyRequest, reply: FastifyReply, allow: string) => FastifyReply

/**
 * Answers the methods that an address of this scope does not support, before the body is read: OPTIONS with the supported
 * ones, any other with 405 (RFC 9110 sections 9.3.7 and 15.5.6). Neither is secret, so neither needs a token. Records the
 * routes that follow; the returned function ends that.
 */
export function answerOtherMethods(app: FastifyInstance, refuse: RefuseMethod): () => void {
  const known = new Map<string, Set<string>>()
  let isComplete = false
  app.addHook('onRoute', ({ url, method }) => {
    if (isComplete) return
    const methods = known.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    known.set(url, methods)
  })
  const answer: Answer = (url, request, reply) => {
    const allow = [...new Set([...(known.get(url) ?? []), 'OPTIONS'])].join(', ')
    note(request, { route: url })
    reply.header('allow', allow)
    return request.method === 'OPTIONS' ? reply.code(204).send() : refuse(request, reply.code(405), allow)
  }
  // A route for each unsupported method would be most of all routes, and take a third of the start.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404 && !isWildcard(request)) return
    const url = routeOf(app, known, request)
    if (url !== undefined && !known.get(url)?.has(request.method)) return answer(url, request, reply)
  })
  return () => {
    isComplete = true
    refuseCaught(app, known, answer)
  }
}

type Known = ReadonlyMap<string, ReadonlySet<string>>
type Answer = (url: string, request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** Routes for methods that the router would take for another address: `DELETE /realms/new` for `DELETE /realms/:realm`. */
function refuseCaught(app: FastifyInstance, known: Known, answer: Answer): void {
  const routes = Array.from(known, ([url, methods]) => ({ url, methods, parts: url.split('/') }))
  for (const { url, methods, parts } of routes) {
    const others = routes.filter((other) => other.url !== url && overlap(parts, other.parts))
    const theirs = new Set(others.flatMap((other) => [...other.methods]))
    const caught = [...theirs].filter((method) => !methods.has(method))
    if (caught.length === 0) continue
    const refuse = async (request: FastifyRequest, reply: FastifyReply) => answer(url, request, reply)
    app.route({
      method: caught,
      url,
      exposeHeadRoute: false,
      schema: { hide: true },
      onRequest: refuse,
      handler: refuse,
    })
  }
}

/** Whether an address can fit both patterns. */
function overlap(one: readonly string[], other: readonly string[]): boolean {
  const isOpen = (part?: string) => part?.startsWith(':')
  return (
    one.length === other.length &&
    one.every((part, at) => part === other[at] || isOpen(part) || isOpen(other[at]))
  )
}

/** Query, and the origin that a request through a proxy may name (RFC 9112 section 3.2.2). */
const NOT_PATH = /^https?:\/\/[^/]*|[?#].*$/gi

/** The route that the request's address has with other methods. */
function routeOf(app: FastifyInstance, known: Known, { url }: FastifyRequest): string | undefined {
  const found = app.supportedMethods.flatMap((method) => app.findRoute({ method, url }) ?? [])
  const exact = found.find((route) => !isWildcard(route))
  if (!exact) return found.length > 0 ? known.keys().find((pattern) => pattern.endsWith('*')) : undefined
  const path = decodeURIComponent(url.replace(NOT_PATH, ''))
  const names = Object.keys(exact.params).length
  const route = known.keys().find((pattern) => {
    const filled = pattern.replaceAll(/:(\w+)/g, (_, name: string) => exact.params[name] ?? '')
    return filled === path && pattern.split(':').length - 1 === names
  })
  // The router answers 414 for the methods that it has.
  if (route === undefined)
    throw Object.assign(new Error('a part of the address is too long'), { statusCode: 414 })
  return route
}

function isWildcard({ params }: { readonly params: unknown }): boolean {
  return Object.hasOwn(params as object, '*')
}
