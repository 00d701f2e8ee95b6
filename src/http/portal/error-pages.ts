import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { HostRefusal } from '../host.ts'
import { logFault, note } from '../request-log.ts'
import { UnknownMethod } from '../unknown-methods.ts'
import { type Content, html } from './html.ts'
import type { Layout, Page } from './layout.ts'
import { signInRefusalPage } from './sign-in.ts'
import { SignedOut, visitOf } from './visit.ts'

const STATUS = {
  not_found: 404,
  invalid: 400,
  name_taken: 409,
  client_id_taken: 409,
  limit_reached: 409,
  forbidden: 403,
  conflict: 409,
  changed_meanwhile: 409,
  last_administrator: 409,
} satisfies Record<RefusalCode, number>

const TITLES: Partial<Record<RefusalCode, string>> = {
  not_found: 'Not found',
  forbidden: 'Not allowed',
  changed_meanwhile: 'Changed meanwhile',
}

/** Turns failures into pages that say what happened and what to do. */
export function errorPages(layout: Layout, singleSignOn: boolean) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof SignedOut) return signedOut(layout, request, reply)
    note(request, { outcome: outcomeOf(error), reason: reasonOf(error) })
    if (error instanceof SignInRefusal) {
      const page = signInRefusalPage(error, singleSignOn)
      // A short outage must not sign anybody out.
      return layout.send(reply, {
        ...page,
        ...(page.status === 503 && { retryAfterSeconds: RETRY_AFTER_SECONDS }),
      })
    }
    const page = pageFor(error, request)
    if (page.status === 500) logFault(request, error)
    return layout.send(reply, page, visitOf(request))
  }
}

export function notFoundPage(layout: Layout) {
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    layout.send(
      reply,
      problem(404, 'Not found', 'There is no such page. The address may have been mistyped.'),
      visitOf(request),
    )
}

function signedOut(layout: Layout, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { realm = '' } = request.params as { realm?: string }
  const signIn = `/portal/${encodeURIComponent(realm)}/sign-in`
  note(request, { outcome: 'signed_out' })
  if (request.method === 'GET' || request.method === 'HEAD')
    return reply.redirect(`${signIn}?next=${encodeURIComponent(request.url)}`, 303)
  const content = html`<p>Nothing was changed. Sign in again, then repeat what you did.</p>
<p><a class="button primary" href="${signIn}?next=${encodeURIComponent(request.url)}">Sign in</a></p>`
  // RFC 9110 section 15.5.2 requires a challenge. Browsers know no scheme for cookies and forms, and show the page.
  reply.header('www-authenticate', 'Cookie realm="portal"')
  return layout.send(reply, { title: 'You are signed out', status: 401, body: content })
}

function outcomeOf(error: FastifyError): string {
  return error instanceof Refusal || error instanceof SignInRefusal || error instanceof OAuthError
    ? error.code
    : error instanceof HostRefusal || error instanceof UnknownMethod
      ? 'invalid_request'
      : 'fault'
}

// A refusal's message may quote the request: log only its code and field.
function reasonOf(error: FastifyError): string | undefined {
  return error instanceof Refusal ? error.field : error.message
}

/** Time for a person to read the page. */
const RETRY_AFTER_SECONDS = 5

const NOT_SHOWN = 'Nothing can be shown at the moment. Try again shortly.'
// The database may have failed after it committed and before it answered.
const PERHAPS_DONE = 'Try again shortly. Your change may have been made: check before you try again.'

function pageFor(error: FastifyError, { method }: FastifyRequest): Page {
  if (error instanceof Refusal)
    return problem(STATUS[error.code], TITLES[error.code] ?? 'This cannot be done', error.message)
  if (error instanceof UnknownRealmError) return problem(404, 'Not found', 'There is no such realm.')
  if (isDatabaseAway(error) || (error instanceof OAuthError && error.code === 'temporarily_unavailable'))
    return {
      ...problem(503, 'The database is away', method === 'POST' ? PERHAPS_DONE : NOT_SHOWN),
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    }
  if (error instanceof OAuthError && error.code === 'invalid_request')
    return problem(400, 'This was not understood', error.description)
  if (error instanceof HostRefusal) return problem(400, 'This was not understood', error.message)
  if (error instanceof UnknownMethod) return problem(501, 'This was not understood', error.message)
  const { statusCode = 500 } = error
  if (statusCode === 429) return problem(429, 'Too many attempts', 'Wait a minute, then try again.')
  if (statusCode < 500) return problem(statusCode, 'This was not understood', 'The form could not be read.')
  return problem(500, 'Something went wrong', 'The fault is ours, and it has been logged. Try again.')
}

function problem(status: number, title: string, text: string): Page {
  const body: Content = html`<div class="empty"><p class="code">${status}</p><p>${text}</p>
<p><a class="button" href="/portal">Back to Service Accounts</a></p></div>`
  return { title, status, body }
}
