import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** In a route's `config`: its body may take longer than that of most routes. */
export interface AcceptedTime {
  readonly bodyMilliseconds?: number
}

/** Interval between two checks. */
export const BODY_SWEEP_MILLISECONDS = 500

/** Ends requests whose body does not arrive in time. */
export function limitBodyTime(app: FastifyInstance, milliseconds: number): void {
  const coming = new Map<FastifyRequest, { readonly reply: FastifyReply; readonly until: number }>()

  app.addHook('onRequest', (request, reply, done) => {
    if (!hasBody(request)) return done()
    const { bodyMilliseconds = milliseconds } = (request.routeOptions.config ?? {}) as AcceptedTime
    coming.set(request, { reply, until: performance.now() + bodyMilliseconds })
    done()
  })
  app.addHook('preValidation', (request, _reply, done) => {
    coming.delete(request)
    done()
  })

  const timer = setInterval(() => {
    const now = performance.now()
    for (const [request, { reply, until }] of coming) {
      const { raw } = request
      if (raw.complete || raw.destroyed) coming.delete(request)
      else if (until < now) {
        coming.delete(request)
        end(request, reply)
      }
    }
  }, BODY_SWEEP_MILLISECONDS)
  timer.unref()
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer)
    done()
  })
}

/** Returns whether a body follows the headers. */
export function hasBody({ raw: { headers } }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Suspends the connection's idle timeout while a complete request is processed. */
export function keepWhileWorking(app: FastifyInstance): void {
  app.addHook('preValidation', ({ raw }, _reply, done) => {
    raw.socket.setTimeout?.(0)
    done()
  })
  app.addHook('onSend', (request, _reply, payload, done) => {
    request.raw.socket.setTimeout?.(request.server.server.timeout)
    done(null, payload)
  })
}

// Tells the reader of the body, as for a broken connection.
function end({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent || raw.listenerCount('error') === 0) return void raw.destroy()
  reply.header('connection', 'close')
  raw.emit('error', Object.assign(new Error('the body came too slowly'), { statusCode: 408 }))
}
