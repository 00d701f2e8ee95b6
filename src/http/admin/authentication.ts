import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Actor } from '../../domain/actor.ts'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { note } from '../request-log.ts'
import { challenge, sendProblem } from './problem.ts'
import { createRateLimits, type RateLimits } from './rate-limits.ts'

const actors = new WeakMap<FastifyRequest, Actor>()

/** Who is asking: known in every route of the admin API that wants a token. */
export function actorOf(request: FastifyRequest): Actor {
  return actors.get(request) as Actor
}

/** Lets in whoever presents a good token (RFC 6750 section 2.1), and not too often. */
export async function requireAdministrator(
  app: FastifyInstance,
  { authenticateAdministrator }: Pick<Operations, 'authenticateAdministrator'>,
  rateLimits: RateLimits,
): Promise<void> {
  const limitRate = await createRateLimits(app, rateLimits, (request) => actors.get(request)?.id)

  app.addHook('onRequest', async (request, reply) => {
    if (!(await limitRate.ofAddress(request, reply))) return reply
    const token = readBearer(request.headers.authorization)
    if (token === undefined) return askForToken(request, reply)
    const actor = await authenticateAdministrator(token, clientAddress(request))
    actors.set(request, actor)
    note(request, { actor: actor.id })
    if (!(await limitRate.ofAdministrator(request, reply))) return reply
  })
}

function readBearer(authorization: string | undefined): string | undefined {
  return /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1]
}

// RFC 6750 section 3.1: whoever sent no token is told of no error.
function askForToken(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(request, reply.header('www-authenticate', challenge()), {
    status: 401,
    code: 'no_token',
    title: 'No token',
    detail: 'Send an access token as a Bearer token.',
  })
}
