import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../../domain/failed-attempts.ts'
import { clientAddress } from '../client-address.ts'
import { sendProblem } from './problem.ts'

/** Requests per minute and process. */
export interface RateLimits {
  readonly perAdministrator: number
  /** Per address, with or without a token. */
  readonly perAddress: number
}

export const DEFAULT_RATE_LIMITS: RateLimits = { perAdministrator: 600, perAddress: 1200 }

/** Returns whether the request may go on; otherwise it has sent the answer. */
type LimitRate = (request: FastifyRequest, reply: FastifyReply) => Promise<boolean>

/** Request counters. Every answer carries their state in RateLimit headers. */
export async function createRateLimits(
  app: FastifyInstance,
  { perAdministrator, perAddress }: RateLimits,
  administratorOf: (request: FastifyRequest) => string | undefined,
): Promise<{ readonly ofAddress: LimitRate; readonly ofAdministrator: LimitRate }> {
  await app.register(rateLimit, { global: false, timeWindow: '1 minute', cache: 50_000 })
  const byAddress = app.createRateLimit({
    max: perAddress,
    keyGenerator: (request) => networkOf(clientAddress(request)),
  })
  const byAdministrator = app.createRateLimit({
    max: perAdministrator,
    keyGenerator: (request) => administratorOf(request) as string,
  })

  return { ofAddress: limiter(byAddress), ofAdministrator: limiter(byAdministrator) }
}

/** Limits the rate of single requests that cost more than others, for each administrator. */
export function limitEach(
  app: Pick<FastifyInstance, 'createRateLimit'>,
  max: number,
  administratorOf: (request: FastifyRequest) => string,
): LimitRate {
  return limiter(
    app.createRateLimit({
      max,
      timeWindow: '1 minute',
      keyGenerator: (request) => administratorOf(request),
    }),
  )
}

function limiter(check: ReturnType<FastifyInstance['createRateLimit']>): LimitRate {
  return async (request, reply) => {
    // No caller is exempt.
    const state = (await check(request)) as Extract<Awaited<ReturnType<typeof check>>, { isAllowed: false }>
    reply
      .header('ratelimit-limit', state.max)
      .header('ratelimit-remaining', state.remaining)
      .header('ratelimit-reset', state.ttlInSeconds)
    if (!state.isExceeded) return true
    const detail = `More than ${state.max} requests in a minute. Wait ${state.ttlInSeconds} s.`
    sendProblem(request, reply.header('retry-after', state.ttlInSeconds), {
      status: 429,
      code: 'too_many_requests',
      title: 'Too many requests',
      detail,
      limit: state.max,
    })
    return false
  }
}
