import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { QuotaExceededError, TooManyFailuresError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { refusedReasonOf } from '../../domain/refused-request.ts'
import type { Operations } from '../../operations/operations.ts'
import type { RefusedRequest } from '../../operations/tokens/token-counts.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { clientAddress } from '../client-address.ts'
import { note } from '../request-log.ts'
import { readClientCredentials } from './client-credentials.ts'
import type { OAuthForm } from './form.ts'
import { answerOAuthError, neverKept, toOAuthError } from './oauth-error-handler.ts'

/** Counts the refusal and refuses as the other endpoints do; in a realm in shadow mode, answers nothing. */
export function refusedToken({ shadow, tokenCounts }: Pick<Operations, 'shadow' | 'tokenCounts'>) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    // The server's own faults stay visible, in shadow mode too.
    if (error instanceof UnknownRealmError || isDatabaseAway(error))
      return answerOAuthError(error, request, reply)
    const { realm } = request.params as { realm: string }
    const clientId = clientIdOf(request)
    if (error instanceof QuotaExceededError) {
      tokenCounts.noteRefused(realm, clientId, refusedRequest(request, error))
      return answerOAuthError(error, request, reply)
    }
    const refusal = error instanceof TooManyFailuresError ? error : toOAuthError(error)
    const isShadow = shadow.noteRefusal(realm, clientId, refusal)
    const code = 'code' in refusal ? refusal.code : undefined
    const isOurs = code === 'server_error' || code === 'temporarily_unavailable'
    if (!isShadow && !isOurs) tokenCounts.noteRefused(realm, clientId, refusedRequest(request, refusal))
    if (!isShadow || isOurs) return answerOAuthError(error, request, reply)
    neverKept(reply)
    note(request, { reason: refusal.message })
    return answerNothing(request, reply, code ?? 'too_many_failures')
  }
}

function refusedRequest(
  request: FastifyRequest,
  error: Parameters<typeof refusedReasonOf>[0],
): RefusedRequest {
  const userAgent = request.headers['user-agent'] ?? ''
  return { reason: refusedReasonOf(error), address: clientAddress(request), userAgent }
}

/** Answer of a realm in shadow mode. @param outcome the outcome without shadow mode */
export function answerNothing(request: FastifyRequest, reply: FastifyReply, outcome: string): FastifyReply {
  note(request, { outcome: `shadow_${outcome}` })
  return reply.code(204).send()
}

function clientIdOf({ headers, body }: FastifyRequest): string | undefined {
  const form = body as OAuthForm | undefined
  try {
    // The body is no form if it could not be read.
    if (typeof form?.get !== 'function') return undefined
    return readClientCredentials(headers.authorization, form)?.clientId ?? form.get('client_id')
  } catch {
    return form?.get('client_id')
  }
}
