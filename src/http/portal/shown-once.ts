import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccountWithSecret } from '../../operations/accounts/new-service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { copyAsCard } from './copy-as.ts'
import { copyable, copyButton, notice } from './elements.ts'
import { type Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import { snippetsCard } from './snippets/snippets-card.ts'
import type { Fields, Visit } from './visit.ts'

const TITLES = {
  created: 'Service account created',
  reset: 'New secret',
  first: 'New secret',
  rotating: 'Second secret',
} as const

/** Shows client_id and secret once; the page cannot be shown again. */
export function shownOnce(
  visit: Visit,
  { account, clientSecret }: ServiceAccountWithSecret,
  { issuer, realm }: { readonly issuer: string; readonly realm: Realm },
  what: keyof typeof TITLES,
): Page {
  const list = `/portal/${visit.realm}/service-accounts`
  const here = `${list}/${account.clientId}`
  return {
    title: TITLES[what],
    section: 'service-accounts',
    trail: [
      ['Service Accounts', list],
      [account.name, here],
    ],
    settleAt: here,
    body: html`<div data-secret data-ask-before-leaving>
${notice(
  'warning',
  html`<strong>Copy the secret now — it cannot be retrieved again.</strong> It is shown this once and is never stored. If you lose it, use Reset Secret.`,
)}
<div data-uncopied hidden>${notice('danger', html`<strong>You have not copied the secret.</strong> It cannot be shown again. Click once more to leave it.`)}</div>
<section class="card">
<dl class="facts">
<dt>Name</dt><dd>${named(account.name)}</dd>
<dt>client_id</dt><dd>${copyable('client-id', 'client_id', account.clientId)}</dd>
<dt>client_secret</dt><dd>${copyable('client-secret', 'secret', clientSecret)}</dd>
</dl>
${what === 'reset' && html`<p>The old secret has stopped working.</p>`}
${what === 'rotating' && html`<p>The old secret goes on working until the rotation is finished or its time is up.</p>`}
</section>
${tryCard(issuer, account.clientId, clientSecret)}
${snippetsCard({ issuer, account, realm }, { kind: 'secret' })}
${copyAsCard({ name: account.name, tokenUrl: `${issuer}/protocol/openid-connect/token`, clientId: account.clientId, clientSecret })}
<p><a class="button primary" href="${here}" data-copied-it>I have copied it</a></p>
</div>`,
  }
}

/**
 * Marks a form as sent. Returns whether this is the first time. A viewer's form is not marked, so that the operation
 * refuses it each time.
 */
export async function isFirstTime(
  operations: Pick<Operations, 'portal'>,
  visit: Visit,
  form: Fields,
): Promise<boolean> {
  return !visit.mayChange || operations.portal.takeForm(visit, form.get('form_id'))
}

/** The form was sent before: by a reload, the back button or a double click. */
export function alreadyShown(visit: Visit, where = ''): Page {
  const list = `/portal/${visit.realm}/service-accounts`
  return {
    title: 'Shown once already',
    section: 'service-accounts',
    trail: [['Service Accounts', list]],
    status: 409,
    body: html`<section class="card narrow">
<p>This form has been sent before, and nothing was done a second time. A secret is shown once, when it is made; if you did not copy it, use Reset Secret.</p>
<div class="buttons"><a class="button primary" href="${list}${where}">Continue</a></div>
</section>`,
  }
}

/** The one text with the secret in it: to try at once, not to keep. */
function tryCard(issuer: string, clientId: string, clientSecret: string): Html {
  return html`<section class="card">
<div class="section-head"><h2>Get a bearer token</h2>${copyButton('curl', 'curl command')}</div>
<pre id="curl" tabindex="0" aria-label="curl command">${curlCommand(issuer, clientId, clientSecret)}</pre>
</section>`
}

function curlCommand(issuer: string, clientId: string, clientSecret: string): string {
  return `curl -X POST \\
  ${issuer}/protocol/openid-connect/token \\
  -H "Content-Type: application/x-www-form-urlencoded" \\
  -d "grant_type=client_credentials" \\
  -d "client_id=${clientId}" \\
  -d "client_secret=${clientSecret}"`
}
