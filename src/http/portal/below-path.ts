import type { FastifyInstance } from 'fastify'

/** Path of PUBLIC_URL without a trailing slash; empty if it has none. */
export function pathOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '')
}

/**
 * Prepends the path of PUBLIC_URL to URLs in our pages and redirects. Only our templates can write `="/portal`, since
 * quotes in texts are escaped.
 */
export function serveBelowPath(app: FastifyInstance, publicUrl: string): void {
  const path = pathOf(publicUrl)
  if (path === '') return
  app.addHook('onSend', async (_request, reply, payload) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/portal'))
      reply.header('location', path + location)
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html')
    if (!isPage || typeof payload !== 'string') return payload
    reply.removeHeader('content-length')
    return payload.replace(/="\/portal(?=[/"?#])/g, `="${path}/portal`)
  })
}
