import type { FastifyInstance } from 'fastify'

/** The path of PUBLIC_URL, without a slash at its end; empty where it has none. */
export function pathOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, '')
}

/**
 * Puts the path of PUBLIC_URL before the addresses of our pages: in attributes, which none but our templates write as
 * `="/portal`, since quotes in texts are escaped, and in redirects.
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
