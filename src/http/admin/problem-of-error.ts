import type { FastifyError, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import { HostRefusal } from '../host.ts'
import { UnknownMethod } from '../unknown-methods.ts'
import { BODY_LIMIT_BYTES } from './json.ts'

/** A refusal of the admin API (RFC 9457). */
export interface Problem {
  readonly status: number
  /** Last part of its `type`. It never changes. */
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly field?: string | undefined
  readonly limit?: number | undefined
}

/** In a route's `config`: its body differs from that of most routes. */
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

export const NOT_FOUND: Problem = {
  status: 404,
  code: 'not_found',
  title: 'Not found',
  detail: 'There is nothing at this address.',
}

/** The problem that an error is answered with. */
export function toProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Refusal) {
    const [status, title] = REFUSALS[error.code]
    const { code, message: detail, field, limit } = error
    return { status, code, title, detail, field, limit }
  }
  if (error instanceof OAuthError) return ofOAuth(error)
  if (error instanceof HostRefusal)
    return { status: 400, code: 'invalid', title: 'Invalid request', detail: error.message }
  if (error instanceof UnknownMethod)
    return { status: 501, code: error.code, title: 'Unknown method', detail: error.message }
  if (error.validation) return ofSchema(error, request)
  return ofFastify(error, (request.routeOptions.config ?? {}) as AcceptedBody)
}

/** The problem of an OAuth error. */
export function ofOAuth({ code, description }: OAuthError): Problem {
  return code === 'temporarily_unavailable'
    ? { status: 503, code, title: 'Temporarily unavailable', detail: description }
    : code === 'invalid_request'
      ? { status: 400, code, title: 'Invalid request', detail: description }
      : { status: 401, code: 'invalid_token', title: 'Invalid token', detail: description }
}

function ofSchema({ validation, validationContext }: FastifyError, request: FastifyRequest): Problem {
  // A path that no resource can have.
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

// In a query, + means a space.
function hasLostPlus({ query }: FastifyRequest, field: string | undefined): boolean {
  return /:\d\d(?:\.\d+)? \d\d:?\d\d$/.test(String((query as Record<string, unknown>)[field ?? '']))
}

function explain(keyword: string, params: Record<string, unknown>, message = 'is not valid'): string {
  if (keyword === 'enum') return `must be one of ${(params['allowedValues'] as string[]).join(', ')}`
  return message
}

/** Statuses of the framework that say all there is to say. */
const OF_STATUS: Readonly<Record<number, Problem>> = {
  408: {
    status: 408,
    code: 'too_slow',
    title: 'Too slow',
    detail: 'The body did not arrive in time. Nothing was changed: send it again, or in smaller parts.',
  },
  500: {
    status: 500,
    code: 'server_error',
    title: 'Server error',
    detail: 'Something went wrong on our side.',
  },
}

function ofFastify(
  { statusCode = 500, message, code }: FastifyError,
  { mediaType = 'application/json', bodyLimitBytes = BODY_LIMIT_BYTES }: AcceptedBody,
): Problem {
  if (statusCode === 413) {
    const detail = `A body may have ${bodyLimitBytes / 1024} KiB.`
    return { status: 413, code: 'too_large', title: 'Too large', detail, limit: bodyLimitBytes }
  }
  if (statusCode === 415) {
    const title = 'Unsupported media type'
    return { status: 415, code: 'unsupported_media_type', title, detail: `Send ${mediaType}.` }
  }
  if (statusCode === 400) {
    const detail = code?.startsWith('FST_ERR') ? message : 'The body is not JSON.'
    return { status: 400, code: 'invalid', title: 'Invalid request', detail }
  }
  return (OF_STATUS[statusCode] ?? OF_STATUS[500]) as Problem
}
