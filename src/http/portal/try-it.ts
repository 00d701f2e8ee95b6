import { OAuthError, TooManyFailuresError } from '../../domain/oauth-error.ts'
import { parseScope } from '../../domain/scope.ts'
import type { Operations } from '../../operations/operations.ts'
import type { IssuedAccessToken } from '../../operations/tokens/access-tokens.ts'
import { atMost, copyButton, field, form, notice } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { exact } from './times.ts'
import type { Portal, Visit } from './visit.ts'

/** When the server is away or overloaded. */
const RETRY_AFTER_SECONDS = 5

type Deps = Pick<Operations, 'clients' | 'tokens'>

/** Requests a token as a client would, and shows its claims. */
export function tryItScreen(portal: Portal, operations: Deps): void {
  portal.page('/portal/:realm/try-it', async (visit, { query }) =>
    tryItPage(visit, { clientId: query('client_id') }),
  )

  portal.action('/portal/:realm/try-it', async (visit, sent) => {
    const [clientId = '', clientSecret = '', scope = ''] = ['client_id', 'client_secret', 'scope'].map(
      (name) => sent.get(name).trim(),
    )
    const address = visit.address
    try {
      const client = await operations.clients.authenticate(visit.realm, { clientId, clientSecret }, address)
      const request = {
        scope: parseScope(scope || undefined),
        targets: { resources: [], audience: undefined },
      }
      const token = await operations.tokens.issue(client, request, address, 'Mintmark portal, Try it')
      return tryItPage(visit, { clientId, scope, result: success(token) })
    } catch (error) {
      return { ...tryItPage(visit, { clientId, scope, result: refused(error) }), ...statusOf(error) }
    }
  })
}

interface Typed {
  readonly clientId?: string
  readonly scope?: string
  readonly result?: Content
}

function tryItPage(visit: Visit, { clientId = '', scope = '', result }: Typed): Page {
  return {
    title: 'Try it',
    section: 'try-it',
    ...(result !== undefined && { settleAt: `/portal/${visit.realm}/try-it` }),
    body: html`<p class="lead">Ask for a token with a client_id and its secret, and see what it says. The secret and the token are not stored anywhere. Before you switch from another server, look at <a href="/portal/${visit.realm}/shadow">shadow mode</a>.</p>
<div class="split">
<section class="card">
${form(
  visit,
  `/portal/${visit.realm}/try-it`,
  html`${field('client_id', 'client_id', { value: clientId, attributes: html`required maxlength="64" spellcheck="false"` })}
${field('client_secret', 'client_secret', { type: 'password', attributes: html`required ${atMost(256)}` })}
${field('scope', 'Scope (optional)', { value: scope, hint: 'Separated by spaces. Without one, the token gets all that the account may have.' })}
<div class="buttons"><button class="primary">Get a token</button></div>`,
)}
</section>
<section class="result" aria-live="polite">${result ?? html`<div class="card empty"><p class="muted">The token will be here.</p></div>`}</section>
</div>`,
  }
}

function success({ value, isShadow, expiresInSeconds, claims: decided }: IssuedAccessToken): Html {
  if (isShadow)
    return html`${notice('warning', 'This realm is in shadow mode: it would have issued this token, and gave none.')}
<section class="card"><h2>Claims</h2><pre tabindex="0" aria-label="Claims">${pretty(decided)}</pre></section>`
  const [header, claims] = value.split('.', 2).map(decode)
  const { exp } = claims as { exp: number }
  return html`${notice('success', html`A token was issued. It is valid for ${expiresInSeconds} seconds, until ${exact(new Date(exp * 1000))}.`)}
<section class="card"><h2>Claims</h2><pre tabindex="0" aria-label="Claims">${pretty(claims)}</pre>
<h2>Header</h2><pre tabindex="0" aria-label="Header">${pretty(header)}</pre>
<div class="section-head"><h2>Token</h2>${copyButton('token', 'token')}</div><pre class="break" id="token" tabindex="0" aria-label="Token">${value}</pre></section>`
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}

function statusOf(error: unknown): Pick<Page, 'status' | 'retryAfterSeconds'> {
  if (error instanceof TooManyFailuresError)
    return { status: 429, retryAfterSeconds: error.retryAfterSeconds }
  const isAway = error instanceof OAuthError && error.code === 'temporarily_unavailable'
  return isAway ? { status: 503, retryAfterSeconds: RETRY_AFTER_SECONDS } : { status: 400 }
}

function refused(error: unknown): Html {
  if (error instanceof TooManyFailuresError)
    return notice('danger', `Too many failed attempts. Try again in ${error.retryAfterSeconds} seconds.`)
  if (!(error instanceof OAuthError)) throw error
  return notice('danger', html`<strong>No token: <code>${error.code}</code></strong> ${error.description}`)
}
