import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

/** Requests under way at once in a process: a fifth of a second of work at full speed. */
export const DEFAULT_MAX_IN_FLIGHT = 2000

/** Turns requests of this scope away before any work is done for them, rather than answering all of them late. */
export function shedOverload(app: FastifyInstance, maxInFlight: number): void {
  let inFlight = 0
  app.addHook('onRequest', (_request, reply, done) => {
    inFlight++
    // However it ends: answered, refused, or given up by the client.
    reply.raw.once('close', () => {
      inFlight--
    })
    if (inFlight <= maxInFlight) done()
    else
      done(
        new OAuthError('temporarily_unavailable', 'Try again shortly.', `overloaded: ${inFlight} requests`),
      )
  })
}
