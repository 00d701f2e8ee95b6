import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  OAuthError,
  type OAuthErrorCode,
  QuotaExceededError,
  TooManyFailuresError,
  UnknownRealmError,
} from '../../domain/oauth-error.ts'
import type { QuotaState } from '../../domain/quota.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { HostRefusal } from '../host.ts'
import { logFault, note } from '../request-log.ts'
import { UnknownMethod } from '../unknown-methods.ts'
import { readClientCredentials } from './client-credentials.ts'
import type { OAuthForm } from './form.ts'

const STATUS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_authorization_details: 400,
  temporarily_unavailable: 503,
  server_error: 500,
} satisfies Record<OAuthErrorCode, number>

/** Statuses that say more than that of the OAuth error. */
const OWN_STATUS = new Set([408, 413, 501])

const RETRY_AFTER_SECONDS = 1

/** Refusals of the OAuth endpoints, in the format of RFC 6749 section 5.2. */
export function answerOAuthError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  return answerError(
    isDatabaseAway(error)
      ? new OAuthError('temporarily_unavailable', 'Try again shortly.', `database: ${error.message}`)
      : error,
    request,
    reply,
  )
}

function answerError(
  error: Error & Partial<FastifyError>,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  neverKept(reply)
  if (error instanceof UnknownRealmError) {
    note(request, { outcome: 'unknown_realm' })
    // Keycloak's wording, which clients match on.
    return reply.code(404).send({ error: 'Realm does not exist' })
  }
  if (error instanceof TooManyFailuresError) {
    note(request, { outcome: 'too_many_failures', reason: error.message })
    return reply.code(429).header('retry-after', error.retryAfterSeconds).send({
      error: 'temporarily_unavailable',
      error_description: error.description,
    })
  }
  if (error instanceof QuotaExceededError) {
    note(request, { outcome: 'quota_exceeded', reason: error.message })
    withRateLimit(reply, error.state).header('retry-after', error.state.resetSeconds)
    return reply.code(429).send({
      error: 'temporarily_unavailable',
      error_description: error.description,
    })
  }
  const refusal = toOAuthError(error)
  if (refusal.code === 'server_error') logFault(request, error)
  note(request, { outcome: refusal.code, reason: refusal.message })
  const challenge = challengeOf(refusal, request)
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  if (refusal.code === 'temporarily_unavailable') reply.header('retry-after', RETRY_AFTER_SECONDS)
  return reply
    .code(error.statusCode && OWN_STATUS.has(error.statusCode) ? error.statusCode : STATUS[refusal.code])
    .send({ error: refusal.code, error_description: describe(refusal, request) })
}

// Describes the request only, whether or not the client exists, and reveals nothing about the right secret.
function describe({ code, description }: OAuthError, { headers, body }: FastifyRequest): string {
  if (code !== 'invalid_client' || !isForm(body)) return description
  try {
    const credentials = readClientCredentials(headers.authorization, body)
    if (!credentials || !('clientSecret' in credentials)) return description
    const { clientId, clientSecret } = credentials
    if (/[\r\n]/.test(clientSecret)) return `${description} The client_secret has a line break in it.`
    if (/^\s|\s$/.test(clientSecret))
      return `${description} The client_secret begins or ends with white space.`
    return /\s/.test(clientId) ? `${description} The client_id has white space in it.` : description
  } catch {
    return description
  }
}

function isForm(body: unknown): body is OAuthForm {
  return typeof (body as OAuthForm | undefined)?.get === 'function'
}

/** What remains of a quota, in the headers that the admin API uses for its own limit. */
export function withRateLimit(reply: FastifyReply, state: QuotaState): FastifyReply {
  return reply
    .header('ratelimit-limit', state.limit)
    .header('ratelimit-remaining', state.remaining)
    .header('ratelimit-reset', state.resetSeconds)
}

/** RFC 6749 section 5.1: caches must store neither answers nor refusals. */
export function neverKept(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
}

export function toOAuthError(error: Error & Partial<FastifyError>): OAuthError {
  if (error instanceof OAuthError) return error
  const { statusCode = 500, code } = error
  if (error instanceof HostRefusal || error instanceof UnknownMethod)
    return new OAuthError('invalid_request', error.message, error.code)
  if (statusCode === 408)
    return new OAuthError('invalid_request', 'The request did not arrive in time.', code)
  if (statusCode === 413) return new OAuthError('invalid_request', 'The request is too large.', code)
  if (statusCode === 415)
    return new OAuthError('invalid_request', 'Send application/x-www-form-urlencoded.', code)
  if (statusCode >= 400 && statusCode < 500)
    return new OAuthError('invalid_request', 'The request is malformed.', code)
  return new OAuthError('server_error', 'Something went wrong on our side.', 'fault')
}

// RFC 7617 section 2, RFC 6750 section 3. Neither the name of an existing realm nor a description contains quotes.
function challengeOf({ code, description }: OAuthError, request: FastifyRequest): string | undefined {
  const { realm: name } = request.params as { realm: string }
  const realm = /^[a-z0-9-]{1,63}$/.test(name) ? name : ''
  if (code === 'invalid_client') return `Basic realm="${realm}", charset="UTF-8"`
  if (code === 'invalid_token' || code === 'insufficient_scope')
    return `Bearer realm="${realm}", error="${code}", error_description="${description}"`
  return undefined
}
