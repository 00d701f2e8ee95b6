import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

/** Headers of which Node silently keeps the first, and that decide what a request may do. */
const SINGLE = new Set(['authorization', 'content-type'])

/**
 * Refuses requests that a proxy and this server could read differently (RFC 6750 section 2: one method per request), and
 * redirects URLs with needless slashes or needless percent-encoding.
 */
export function refuseAmbiguity(app: FastifyInstance, publicUrl: string): void {
  const prefix = new URL(publicUrl).pathname.replace(/\/$/, '')
  const urls = new Set<string>()
  app.addHook('onRoute', ({ url }) => {
    if (!url.includes('*')) urls.add(url)
  })
  // Few requests need them.
  let patterns: readonly RegExp[] | undefined
  const isRoute = (path: string) => {
    patterns ??= Array.from(urls, patternOf)
    return patterns.some((pattern) => pattern.test(path))
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { rawHeaders, headers, url = '' } = request.raw
    const repeated = repeatedHeader(rawHeaders)
    if (repeated !== undefined)
      return done(new OAuthError('invalid_request', `Two ${repeated} headers were sent.`, 'repeated header'))
    if (headers.authorization !== undefined && url.includes('access_token=') && hasToken(request))
      return done(new OAuthError('invalid_request', 'The access token was sent in two ways.'))
    const path = url.split('?', 1)[0] as string
    if (!NEEDLESS.test(path)) return done()
    const plain = path.replaceAll(UNRESERVED, decodeURIComponent)
    const right = plain.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')
    // The portal removes slashes itself.
    if ((plain === path && /^\/portal(?:\/|$)/.test(right)) || !isRoute(right)) return done()
    // Redirects instead of answering: a proxy may have decided by the exact URL.
    reply.code(308).header('cache-control', 'no-store')
    reply.header('location', `${prefix}${right}${url.slice(path.length)}`).send()
  })
}

/** Letters, digits and `-._~`, encoded (RFC 3986 section 2.3: the same address, which not every proxy sees). */
const UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi

const NEEDLESS = new RegExp(`//|.\\/$|${UNRESERVED.source}`, 'i')

function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll(/[^\w-]/g, '\\$&')))
  return new RegExp(`^${parts.join('/')}$`)
}

function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  let seen: string[] | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    // Both have a length that few other headers have.
    if (name.length !== 13 && name.length !== 12) continue
    const lower = name.toLowerCase()
    if (!SINGLE.has(lower)) continue
    if (seen?.includes(lower)) return name
    seen = [...(seen ?? []), lower]
  }
  return undefined
}

function hasToken({ query }: FastifyRequest): boolean {
  return Object.hasOwn(query as object, 'access_token')
}
