import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

export interface OverloadLimits {
  /** Requests under way in this process; one more is turned away. */
  readonly maxInFlight: number
  /** How late the event loop may run on average; beyond it, requests are turned away until it has caught up. */
  readonly maxEventLoopDelayMilliseconds: number
}

export const DEFAULT_OVERLOAD_LIMITS: OverloadLimits = {
  maxInFlight: 4000,
  maxEventLoopDelayMilliseconds: 500,
}

/** Turns requests of this scope away before any work is done for them, rather than answering all of them late. */
export async function shedOverload(
  app: FastifyInstance,
  { maxInFlight, maxEventLoopDelayMilliseconds }: OverloadLimits,
): Promise<void> {
  let inFlight = 0
  app.addHook('onRequest', async (_request, reply) => {
    inFlight++
    // However it ends: answered, refused, or given up by the client.
    reply.raw.once('close', () => {
      inFlight--
    })
    if (inFlight > maxInFlight) throw overloaded(`${inFlight} requests are under way`)
  })
  await app.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMilliseconds,
    sampleInterval: 250,
    pressureHandler: (_request, _reply, type, value) => {
      // Infinity: nothing has been measured yet, as in a process that has just started.
      if (Number.isFinite(value)) throw overloaded(`${type} ${value}`)
    },
  })
}

function overloaded(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'Try again shortly.', `overloaded: ${reason}`)
}
