import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** An invalid Host header (RFC 9112 section 3.2): 400. */
export class HostRefusal extends Error {
  override readonly name = 'HostRefusal'
  readonly statusCode = 400
  readonly code: string

  constructor(code: string) {
    super('Send one Host header, with the name or address of the server.')
    this.code = code
  }
}

const HOST = /^(?:[\w-][\w.-]{0,253}|\[[\da-f:.]{2,45}\])(?::(\d{0,5}))?$/i

const MAX_PORT = 65_535

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i

/**
 * Refuses requests with more than one Host header, or an invalid one, on every route. Node itself refuses HTTP/1.1 without
 * Host; HTTP/1.0 does not need it.
 */
export function requireOneHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (countHosts(raw) > 1) done(new HostRefusal('several_hosts'))
    else if (raw.headers.host !== undefined && !isHost(raw.headers.host)) done(new HostRefusal('bad_host'))
    else done()
  })
}

function isHost(host: string): boolean {
  const parts = HOST.exec(host)
  return parts !== null && Number(parts[1] ?? 0) <= MAX_PORT
}

/** `headers` holds only the first of several. */
function countHosts({ rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/** Returns whether a host, with or without a port, is this machine's loopback name. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host.replace(/:\d{1,5}$/, ''))
}
