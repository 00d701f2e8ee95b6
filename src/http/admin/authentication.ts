import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Actor } from '../../domain/actor.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Operations } from '../../operations/operations.ts'
import { hasBody } from '../body-time.ts'
import { clientAddress } from '../client-address.ts'
import { note } from '../request-log.ts'
import { readPrecondition } from './etag.ts'
import { challenge, sendProblem } from './problem.ts'
import { createRateLimits, type RateLimits } from './rate-limits.ts'

const actors = new WeakMap<FastifyRequest, Actor>()

/**
 * Caller and preconditions of a request: available in every route of the admin API that requires a token.
 * @throws Refusal `invalid` for an unreadable precondition
 */
export function actorOf(request: FastifyRequest): Actor {
  const precondition = readPrecondition(request)
  return { ...(actors.get(request) as Actor), ...(precondition && { precondition }) }
}

/** Requires a valid token (RFC 6750 section 2.1), and limits the rate. */
export async function requireAdministrator(
  app: FastifyInstance,
  operations: Pick<Operations, 'administrators'>,
  rateLimits: RateLimits,
): Promise<void> {
  const limitRate = await createRateLimits(app, rateLimits, (request) => actors.get(request)?.id)

  async function authenticate(request: FastifyRequest, token: string): Promise<void> {
    const actor = await operations.administrators.authenticate(token, clientAddress(request))
    actors.set(request, actor)
    note(request, { actor: actor.id })
  }

  // Before the body, so that nothing is read for a caller without a token.
  app.addHook('onRequest', async (request, reply) => {
    if (!(await limitRate.ofAddress(request, reply))) return reply
    const token = readBearer(request.headers.authorization)
    if (token === undefined) return askForToken(request, reply)
    await authenticate(request, token)
    if (!(await limitRate.ofAdministrator(request, reply))) return reply
  })

  // And after the body, since its sender may have lost authority while it arrived.
  app.addHook('preValidation', async (request) => {
    if (hasBody(request)) await authenticate(request, readBearer(request.headers.authorization) as string)
  })
}

/** @throws OAuthError `invalid_request` for a header that RFC 6750 section 2.1 does not allow */
function readBearer(authorization = ''): string | undefined {
  if (!/^Bearer(?:\s|$)/i.test(authorization)) return undefined
  const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization)?.[1]
  if (token === undefined)
    throw new OAuthError('invalid_request', 'Authorization must be Bearer, a space and one access token.')
  return token
}

// RFC 6750 section 3.1: no error code for a request without a token.
function askForToken(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(request, reply.header('www-authenticate', challenge()), {
    status: 401,
    code: 'no_token',
    title: 'No token',
    detail: 'Send an access token as a Bearer token.',
  })
}
