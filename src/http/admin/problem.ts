import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { logFault, note } from '../request-log.ts'
import { problemType } from './problem-codes.ts'
import { NOT_FOUND, ofOAuth, type Problem, toProblem } from './problem-of-error.ts'

const RETRY_AFTER_SECONDS = 1

/** Every refusal of the admin API, in one format. */
export function answerAdminError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  return isDatabaseAway(error)
    ? answerProblem(ofOAuth(new OAuthError('temporarily_unavailable', TRY_AGAIN)), error, request, reply)
    : answerProblem(toProblem(error, request), error, request, reply)
}

const TRY_AGAIN = 'Try again shortly. The change may have been applied: check before you retry.'

function answerProblem(
  problem: Problem,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (problem.status === 500) logFault(request, error)
  if (problem.status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS)
  // RFC 5789 section 2.2.
  if (problem.status === 415 && request.method === 'PATCH') reply.header('accept-patch', 'application/json')
  if (problem.status === 401) reply.header('www-authenticate', challenge('invalid_token', problem.detail))
  if (problem.code === 'invalid_request')
    reply.header('www-authenticate', challenge('invalid_request', problem.detail))
  if (problem.status === 403)
    reply.header('www-authenticate', challenge('insufficient_scope', problem.detail))
  // A refusal's message may quote the request: log only its code and field.
  const reason = error instanceof OAuthError ? error.message : reasonOf(error, problem)
  return sendProblem(request, reply, problem, reason)
}

function reasonOf({ code, message }: FastifyError, { status, field }: Problem): string | undefined {
  return status === 503 ? `database: ${message}` : (code ?? field)
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Problem,
  reason?: string,
): FastifyReply {
  return reply.send(becomeProblem(request, reply, problem, reason))
}

export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(request, reply, NOT_FOUND)
}

/** For the address of the API itself. */
export async function sendIndex(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const detail = 'The admin API is below this address: its document is /admin/openapi.json.'
  return sendProblem(request, reply, { ...NOT_FOUND, detail })
}

/** For a method that the address does not support. */
export function refuseAdminMethod(request: FastifyRequest, reply: FastifyReply, allow: string): FastifyReply {
  return sendProblem(request, reply, {
    status: 405,
    code: 'method_not_allowed',
    title: 'Method not allowed',
    detail: `Use ${allow}.`,
  })
}

/** Turns the reply into a refusal and returns its body. */
export function becomeProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, code, title, detail, field, limit, errors }: Problem,
  reason?: string,
): string {
  note(request, { outcome: code, ...(reason !== undefined && { reason }) })
  const type = problemType(code)
  // A string, since no schema serializes it.
  reply.code(status).header('content-type', 'application/problem+json').header('cache-control', 'no-store')
  return JSON.stringify({ type, title, status, detail, field, limit, errors })
}

/** RFC 9110 section 13.1.1: a GET whose If-Match does not match. */
export const PRECONDITION_FAILED: Problem = {
  status: 412,
  code: 'changed_meanwhile',
  title: 'Changed meanwhile',
  detail: 'If-Match is not the ETag of what is there now.',
  field: 'If-Match',
}

/** RFC 6750 section 3: what the token must be. */
export function challenge(error?: string, description?: string): string {
  const parts = ['Bearer realm="admin"']
  if (error !== undefined) parts.push(`error="${error}"`)
  if (description !== undefined) parts.push(`error_description="${description}"`)
  return parts.join(', ')
}
