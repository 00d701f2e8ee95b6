import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Kept in the `config` of a route whose bodies may take longer than those of most. */
export interface AcceptedTime {
  readonly bodyMilliseconds?: number
}

/** How often it is looked at. */
export const BODY_SWEEP_MILLISECONDS = 500

/** Ends requests whose body has not arrived whole in time. */
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

/** Whether a body follows the head. */
export function hasBody({ raw: { headers } }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** The idle time of a connection does not count while a whole request is worked on, however long that takes. */
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

// Whoever waits for the body is told, as of a connection that broke.
function end({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent || raw.listenerCount('error') === 0) return void raw.destroy()
  reply.header('connection', 'close')
  raw.emit('error', Object.assign(new Error('the body came too slowly'), { statusCode: 408 }))
}
