import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { isDatabaseAway } from '../../storage/database-error.ts'
import { HostRefusal } from '../host.ts'
import { logFault, note } from '../request-log.ts'
import { UnknownMethod } from '../unknown-methods.ts'
import type { Drafts } from './drafts.ts'
import type { ShowAgain } from './form-again.ts'
import { fieldsOf, pageOfForm } from './form-fields.ts'
import { type Content, html } from './html.ts'
import { resendForm, typedList } from './kept-text.ts'
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
  key_reused: 422,
} satisfies Record<RefusalCode, number>

const TITLES: Partial<Record<RefusalCode, string>> = {
  not_found: 'Not found',
  forbidden: 'Not allowed',
  changed_meanwhile: 'Changed meanwhile',
}

/** What becomes of typed text. */
interface Typed {
  readonly again: ShowAgain
  readonly drafts: Drafts
}

/** Turns failures into pages that say what happened and what to do. */
export function errorPages(layout: Layout, singleSignOn: boolean, typed?: Typed) {
  return async (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (error instanceof SignedOut) return signedOut(layout, request, reply, typed)
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
    return layout.send(reply, await withTyped(page, error, request, typed), visitOf(request))
  }
}

/** The page of a refused form keeps what was typed: in the form where it was, or else by itself. */
async function withTyped(
  page: Problem,
  error: unknown,
  request: FastifyRequest,
  typed?: Typed,
): Promise<Page> {
  const isForeign = error instanceof Refusal && error.field === 'origin'
  if (request.method !== 'POST' || isForeign || !request.body) return page
  const visit = visitOf(request)
  const { status, text } = page
  const again = visit && (await typed?.again(request, visit, { error, status, text }))
  if (again) return { ...again, ...(page.retryAfterSeconds && { retryAfterSeconds: page.retryAfterSeconds }) }
  const sent = fieldsOf(request)
  const kept = status === 429 || status >= 500 ? resendForm(request.url, sent) : typedList(sent)
  return kept
    ? { ...page, body: html`${page.body}<section class="card narrow kept">${kept}</section>` }
    : page
}

export function notFoundPage(layout: Layout) {
  return (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    layout.send(
      reply,
      problem(404, 'Not found', 'There is no such page. The address may have been mistyped.'),
      visitOf(request),
    )
}

function signedOut(
  layout: Layout,
  request: FastifyRequest,
  reply: FastifyReply,
  typed?: Typed,
): FastifyReply {
  const { realm = '' } = request.params as { realm?: string }
  const signIn = `/portal/${encodeURIComponent(realm)}/sign-in`
  note(request, { outcome: 'signed_out' })
  if (request.method === 'GET' || request.method === 'HEAD')
    return reply.redirect(`${signIn}?next=${encodeURIComponent(request.url)}`, 303)
  const sent = fieldsOf(request)
  const page = typed?.drafts.keep(request, reply, realm)
  const next = page ?? pageOfForm(sent, realm) ?? request.url
  const what = page ? 'then send what you typed: it is kept for an hour' : 'then repeat what you did'
  const content = html`<p>Nothing was changed. Sign in again, ${what}.</p>
<p><a class="button primary" href="${signIn}?next=${encodeURIComponent(next)}">Sign in</a></p>${typedList(sent)}`
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

function pageFor(error: FastifyError, { method }: FastifyRequest): Problem {
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
  if (statusCode === 413)
    return problem(
      413,
      'This is too much at once',
      'Send it in parts, or by the admin API or the command line.',
    )
  if (statusCode < 500) return problem(statusCode, 'This was not understood', 'The form could not be read.')
  return problem(
    500,
    'Something went wrong',
    'This is a fault of the server, and it has been logged. Try again.',
  )
}

interface Problem extends Page {
  readonly status: number
  readonly text: string
}

function problem(status: number, title: string, text: string): Problem {
  const body: Content = html`<div class="empty"><p class="code">${status}</p><p>${text}</p>
<p><a class="button" href="/portal">Back to Service Accounts</a></p></div>`
  return { title, status, text, body }
}
