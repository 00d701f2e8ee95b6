import type { ErrorObject } from 'ajv'
import type { FastifyError, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { Refusal } from '../../domain/refusal.ts'
import { HostRefusal } from '../host.ts'
import { UnknownMethod } from '../unknown-methods.ts'
import { type Fault, faultsOf } from './faults-in-words.ts'
import { BODY_LIMIT_BYTES } from './json.ts'
import { type ProblemCode, REFUSALS } from './problem-codes.ts'

/** A refusal of the admin API (RFC 9457). */
export interface Problem {
  readonly status: number
  /** Last part of its `type`. It never changes. */
  readonly code: ProblemCode
  readonly title: string
  readonly detail: string
  readonly field?: string | undefined
  readonly limit?: number | undefined
  /** All faults of a request, if there are several. */
  readonly errors?: readonly Fault[] | undefined
}

/** In a route's `config`: its body differs from that of most routes. */
export interface AcceptedBody {
  readonly mediaType?: string
  readonly bodyLimitBytes?: number
}

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

function ofSchema({ validation = [], validationContext }: FastifyError, request: FastifyRequest): Problem {
  // A path that no resource can have.
  if (validationContext === 'params') return NOT_FOUND
  const faults = faultsOf(validation as unknown as ErrorObject[], validationContext ?? 'body', request)
  const { field } = faults[0] as Fault
  const detail = faults.map((fault) => fault.detail).join(' ')
  const errors = faults.length > 1 ? faults : undefined
  return { status: 400, code: 'invalid', title: 'Invalid request', detail, field, errors }
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
  { statusCode = 500, message, code, name }: FastifyError,
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
    const detail = code?.startsWith('FST_ERR') || name === 'JsonFault' ? message : 'The body is not JSON.'
    return { status: 400, code: 'invalid', title: 'Invalid request', detail }
  }
  return (OF_STATUS[statusCode] ?? OF_STATUS[500]) as Problem
}
