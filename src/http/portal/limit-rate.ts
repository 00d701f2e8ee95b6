import type {} from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Lets each person send so many requests a minute; more are answered with 429. */
export function limitRate(
  app: FastifyInstance,
  max: number,
  personOf: (request: FastifyRequest) => string | undefined,
): (request: FastifyRequest) => Promise<void> {
  const keyGenerator = (request: FastifyRequest) => personOf(request) ?? ''
  const check = app.createRateLimit({ max, timeWindow: '1 minute', keyGenerator })
  return async (request) => {
    const { isExceeded } = (await check(request)) as { readonly isExceeded: boolean }
    if (isExceeded) throw Object.assign(new Error('too many requests'), { statusCode: 429 })
  }
}
