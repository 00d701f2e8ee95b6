import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

/** Maximum of concurrent requests per process: a fifth of a second of work at full speed. */
export const DEFAULT_MAX_IN_FLIGHT = 2000

/** Refuses excess requests of this scope before any work, instead of answering all of them late. */
export function shedOverload(app: FastifyInstance, maxInFlight: number): void {
  let inFlight = 0
  app.addHook('onRequest', (_request, reply, done) => {
    inFlight++
    // However the request ends: answered, refused, or aborted by the client.
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
