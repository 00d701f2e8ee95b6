import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { HostRefusal } from '../host.ts'
import { logFault, note } from '../request-log.ts'
import { BODY_LIMIT_BYTES } from './json.ts'

/** A refusal of the admin API (RFC 9457). */
export interface Problem {
  readonly status: number
  /** The last part of its `type`, which never changes. */
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly field?: string | undefined
  readonly limit?: number | undefined
}

/** Kept in the `config` of a route whose bodies are not those of most. */
export interface AcceptedBody {
  readonly mediaType?: string
  readonly bodyLimitBytes?: number
}

const REFUSALS = {
  not_found: [404, 'Not found'],
  invalid: [400, 'Invalid request'],
  name_taken: [409, 'Name taken'],
  client_id_taken: [409, 'client_id taken'],
  limit_reached: [409, 'Limit reached'],
  forbidden: [403, 'Forbidden'],
  conflict: [409, 'Conflict'],
  changed_meanwhile: [412, 'Changed meanwhile'],
  last_administrator: [409, 'Last platform administrator'],
} satisfies Record<RefusalCode, [number, string]>

const NOT_FOUND: Problem = {
  status: 404,
  code: 'not_found',
  title: 'Not found',
  detail: 'There is nothing at this address.',
}

const RETRY_AFTER_SECONDS = 1

/** Every refusal of the admin API, whoever made it, in the one form. */
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
  // A refusal's own words may quote what was sent: the log has its code and its field.
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

/** Of a method that an address does not know. */
export function refuseAdminMethod(request: FastifyRequest, reply: FastifyReply, allow: string): FastifyReply {
  return sendProblem(request, reply, {
    status: 405,
    code: 'method_not_allowed',
    title: 'Method not allowed',
    detail: `Use ${allow}.`,
  })
}

/** Makes an answer one that refuses, and returns its body. */
export function becomeProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, code, title, detail, field, limit }: Problem,
  reason?: string,
): string {
  note(request, { outcome: code, ...(reason !== undefined && { reason }) })
  const type = `urn:mintmark:problem:${code.replaceAll('_', '-')}`
  // As a string: it has no schema to be sent by.
  reply.code(status).header('content-type', 'application/problem+json')
  return JSON.stringify({ type, title, status, detail, field, limit })
}

/** RFC 9110 section 13.1.1: of a GET whose If-Match names another state. */
export const PRECONDITION_FAILED: Problem = {
  status: 412,
  code: 'changed_meanwhile',
  title: 'Changed meanwhile',
  detail: 'If-Match is not the ETag of what is there now.',
  field: 'If-Match',
}

/** RFC 6750 section 3: what a token would have to be. */
export function challenge(error?: string, description?: string): string {
  const parts = ['Bearer realm="admin"']
  if (error !== undefined) parts.push(`error="${error}"`)
  if (description !== undefined) parts.push(`error_description="${description}"`)
  return parts.join(', ')
}

function toProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Refusal) {
    const [status, title] = REFUSALS[error.code]
    const { code, message: detail, field, limit } = error
    return { status, code, title, detail, field, limit }
  }
  if (error instanceof OAuthError) return ofOAuth(error)
  if (error instanceof HostRefusal)
    return { status: 400, code: 'invalid', title: 'Invalid request', detail: error.message }
  if (error.validation) return ofSchema(error, request)
  return ofFastify(error, (request.routeOptions.config ?? {}) as AcceptedBody)
}

function ofOAuth({ code, description }: OAuthError): Problem {
  return code === 'temporarily_unavailable'
    ? { status: 503, code, title: 'Temporarily unavailable', detail: description }
    : code === 'invalid_request'
      ? { status: 400, code, title: 'Invalid request', detail: description }
      : { status: 401, code: 'invalid_token', title: 'Invalid token', detail: description }
}

function ofSchema({ validation, validationContext }: FastifyError, request: FastifyRequest): Problem {
  // A path that cannot be that of anything.
  if (validationContext === 'params') return NOT_FOUND
  const { keyword, instancePath, params, message } = (validation as NonNullable<typeof validation>)[0] as {
    keyword: string
    instancePath: string
    params: Record<string, unknown>
    message?: string
  }
  const own = params['additionalProperty'] ?? params['missingProperty']
  const parents = instancePath.split('/').slice(1)
  const field = (typeof own === 'string' ? [...parents, own] : parents).join('.').slice(0, 200) || undefined
  const isQuery = validationContext === 'querystring'
  const said =
    keyword === 'additionalProperties'
      ? isQuery
        ? describeUnknownParameter(request, String(own))
        : 'is not a known member'
      : explain(keyword, params, message)
  const hint = isQuery && hasLostPlus(request, field) ? ' Write a + in an address as %2B.' : ''
  const detail = `${field ?? `The ${validationContext}`} ${typeof own === 'string' && keyword === 'required' ? 'is missing' : said}.${hint}`
  return { status: 400, code: 'invalid', title: 'Invalid request', detail, field }
}

function describeUnknownParameter({ routeOptions: { schema } }: FastifyRequest, name: string): string {
  const { properties = {} } = (schema?.querystring ?? {}) as { properties?: object }
  const known = Object.keys(properties)
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, '')
  const meant = known.find((one) => plain(one) === plain(name))
  if (meant !== undefined) return `is not a known parameter: write ${meant}`
  return `is not a known parameter: ${known.length === 0 ? 'there are none here' : `use ${known.join(', ')}`}`
}

// In a query, + stands for a space.
function hasLostPlus({ query }: FastifyRequest, field: string | undefined): boolean {
  return /:\d\d(?:\.\d+)? \d\d:?\d\d$/.test(String((query as Record<string, unknown>)[field ?? '']))
}

function explain(keyword: string, params: Record<string, unknown>, message = 'is not valid'): string {
  if (keyword === 'enum') return `must be one of ${(params['allowedValues'] as string[]).join(', ')}`
  return message
}

function ofFastify(
  { statusCode = 500, message, code }: FastifyError,
  { mediaType = 'application/json', bodyLimitBytes = BODY_LIMIT_BYTES }: AcceptedBody,
): Problem {
  switch (statusCode) {
    case 413:
      return {
        status: 413,
        code: 'too_large',
        title: 'Too large',
        detail: `A body may have ${bodyLimitBytes / 1024} KiB.`,
        limit: bodyLimitBytes,
      }
    case 408:
      return {
        status: 408,
        code: 'too_slow',
        title: 'Too slow',
        detail: 'The body did not arrive in time. Nothing was changed: send it again, or in smaller parts.',
      }
    case 415:
      return {
        status: 415,
        code: 'unsupported_media_type',
        title: 'Unsupported media type',
        detail: `Send ${mediaType}.`,
      }
    case 400:
      return {
        status: 400,
        code: 'invalid',
        title: 'Invalid request',
        detail: code?.startsWith('FST_ERR') ? message : 'The body is not JSON.',
      }
    default:
      return {
        status: 500,
        code: 'server_error',
        title: 'Server error',
        detail: 'Something went wrong on our side.',
      }
  }
}
