import type { FastifyInstance } from 'fastify'
import { isRealmName } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { SignInRefusal, SignInRefusalCode } from '../../domain/sign-in-refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { loggableRealm, note } from '../request-log.ts'
import { field, notice } from './elements.ts'
import { fieldsOf } from './form-fields.ts'
import { type Content, html } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { type Gate, requireOwnOrigin } from './visit.ts'

interface Address {
  Params: { realm: string }
  Querystring: { next?: string | string[]; realm?: string | string[] }
}

/** Attempts per minute of one address. */
const ATTEMPTS = 20

/** Sign-in: a one-time link, or the organisation's provider. */
export function signInScreen(
  app: FastifyInstance,
  operations: Pick<Operations, 'browserSessions' | 'portal' | 'singleSignOn'>,
  { layout, cookie, signedInto, publicUrl }: Gate,
): void {
  const rateLimit = { max: ATTEMPTS, timeWindow: 60_000 }

  app.get<Address>('/portal', async (request, reply) => {
    const sessions = await operations.browserSessions.list(cookie.all(request).values())
    const realms = sessions.map(({ stored }) => stored.realm)
    // An empty name asks for another realm, even if somebody is signed in.
    const realm = request.query.realm === undefined ? realms[0] : [request.query.realm].flat().at(-1)
    if (realm === undefined || !isRealmName(realm))
      return layout.send(reply, whichRealm(realm ?? '', realms.toSorted()))
    const place = realms.includes(realm) ? 'service-accounts' : 'sign-in'
    return reply.redirect(`/portal/${realm}/${place}`, 303)
  })

  app.get<Address>('/portal/:realm', async (request, reply) =>
    reply.redirect(`/portal/${encodeURIComponent(request.params.realm)}/service-accounts`, 303),
  )

  app.get<Address>('/portal/:realm/sign-in', async (request, reply) => {
    const { realm } = request.params
    note(request, { realm: loggableRealm(realm) })
    if (!isRealmName(realm)) throw new Refusal('not_found', 'There is no such realm.')
    const next = safeNext(realm, [request.query.next ?? ''].flat().at(-1))
    return layout.send(reply, signInPage(realm, next, operations.singleSignOn.enabled))
  })

  app.post<Address>('/portal/:realm/sign-in', { config: { rateLimit } }, async (request, reply) => {
    const { realm } = request.params
    note(request, { realm: loggableRealm(realm) })
    requireOwnOrigin(request, publicUrl)
    const form = fieldsOf(request)
    // A pasted link has the code after the #.
    const code = form.get('code').trim().replace(/^.*#/s, '')
    const session = await operations.portal.signInWithLink(realm, code, clientAddress(request))
    await signedInto(request, reply, { realm, cookie: session })
    return reply.redirect(safeNext(realm, form.get('next')), 303)
  })
}

/** Where to go after the sign-in: a page of that realm, or its first page. */
export function safeNext(realm: string, next = ''): string {
  const first = `/portal/${realm}/service-accounts`
  if (!URL.canParse(next, 'http://portal')) return first
  const { origin, pathname, search } = new URL(next, 'http://portal')
  // Percent-encoding could hide a sign-in or sign-out URL.
  const isOurs =
    origin === 'http://portal' && pathname.startsWith(`/portal/${realm}/`) && !/%[2-7]/.test(pathname)
  return isOurs && !/\/(sign-in|sign-out|callback)(\/|$)/.test(pathname) ? pathname + search : first
}

function whichRealm(realm: string, signedIn: readonly string[]): Page {
  const fault = realm === '' ? undefined : 'A realm name is 1 to 63 lower-case letters, digits and hyphens.'
  return {
    title: 'Sign in',
    status: fault ? 400 : 200,
    body: html`<p>Which realm do you look after?</p>
<form method="get" action="/portal" class="stack">
${field('realm', 'Realm', { value: realm, fault, attributes: html`required autocapitalize="none" spellcheck="false"` })}
<div class="buttons"><button class="primary">Continue</button></div>
</form>
${signedIn.length > 0 && html`<p class="hint">Signed in to: ${signedIn.map((name, at) => html`${at > 0 && ', '}<a href="/portal/${name}/service-accounts">${name}</a>`)}</p>`}`,
  }
}

function signInPage(realm: string, next: string, singleSignOn: boolean, problem?: Content): Page {
  return {
    title: `Sign in to ${realm}`,
    body: html`${problem}
${
  singleSignOn &&
  html`<p><a class="button primary wide" href="/portal/${realm}/sign-in/sso?next=${encodeURIComponent(next)}">${icon('shield-check')}Sign in with single sign-on</a></p>
<p class="or"><span>or with a one-time link</span></p>`
}
<form method="post" action="/portal/${realm}/sign-in" class="stack" data-code>
<input type="hidden" name="next" value="${next}">
<div data-code-field>
${field('code', 'Code of the one-time link', {
  type: 'password',
  hint: html`What follows the # in the link that <code>mintmark portal-link --realm ${realm}</code> prints.`,
  attributes: html`required spellcheck="false"`,
})}
</div>
<p data-code-found hidden>Your link lets one person in, once, to the realm <strong>${realm}</strong>.</p>
<div class="buttons"><button class="${singleSignOn ? '' : 'primary'} wide">Sign in</button></div>
</form>`,
  }
}

const TEXTS: Record<SignInRefusalCode, readonly [number, string]> = {
  link_invalid: [403, 'The link has been used, or is older than ten minutes. Ask for a new one.'],
  attempt_lost: [400, 'The sign-in took too long, or was begun in another browser. Begin again.'],
  provider_refused: [
    403,
    'Your identity provider did not let you in. Begin again, or ask its administrator.',
  ],
  provider_away: [503, 'Your identity provider does not answer at the moment. Try again shortly.'],
  no_access: [
    403,
    'You are signed in at your identity provider, but it has not made you an Account Admin or a viewer here. Ask its administrator.',
  ],
  not_set_up: [404, 'Single sign-on is not set up for this realm. Ask the operator of this server.'],
}

export function signInRefusalPage({ code, realm }: SignInRefusal, singleSignOn: boolean): Page {
  const [status, text] = TEXTS[code]
  const problem = notice('danger', text)
  if (realm === undefined)
    return {
      title: 'Sign in',
      status,
      body: html`${problem}<p><a class="button" href="/portal">Begin again</a></p>`,
    }
  return { ...signInPage(realm, safeNext(realm), singleSignOn, problem), status }
}
