import { type AuthMethod, readKeyText, type SentKey } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { ChangedClientKey } from '../../operations/accounts/client-keys.ts'
import { copyable, copyButton, faultText, notice } from './elements.ts'
import { type Content, Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { snippetsCard } from './snippets/snippets-card.ts'
import type { Visit } from './visit.ts'

export const METHOD_NAMES = {
  client_secret: 'Client secret',
  private_key_jwt: 'Key pair',
  federated: 'Workload identity',
} satisfies Record<AuthMethod, string>

export const METHOD_HINTS = {
  client_secret: 'The server makes a secret and shows it once.',
  private_key_jwt:
    'It signs its requests with a private key, which this server never has: there is no secret to leak.',
  federated:
    'It shows the token that its platform gives it: Kubernetes, GitHub, a cloud. There is nothing to keep.',
} satisfies Record<AuthMethod, string>

const MAKE_PAIR = `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out private.pem
openssl pkey -in private.pem -pubout`

/** @throws Refusal `invalid`, of the field `public_key` */
export function readPastedKey(text: string): SentKey {
  if (text.trim() === '')
    throw new Refusal('invalid', 'Paste a public key: your browser cannot make one here.', 'public_key')
  return readKeyText(text)
}

/** How refusals call a pasted key, by the form that it has. */
const KEY_FORMS = ['jwk', 'pem', 'certificate']
const KEY_NAMES = ['public_key', ...KEY_FORMS, ...KEY_FORMS.map((form) => `key.${form}`), 'key.public_key']

/** Field for a public key; if empty, the browser makes a pair. */
export function publicKeyField(): Html {
  return Html.of((form) => {
    const [value = ''] = form?.valuesOf('public_key', 'Public key', ['']) ?? []
    const fault = form?.faultOf(KEY_NAMES)
    return html`<div class="field key-field">
<label for="public_key">Public key <span class="needs-script">(optional)</span></label>
<textarea id="public_key" name="public_key" rows="4" maxlength="16000" spellcheck="false" autocomplete="off" aria-describedby="public_key-hint${fault && ' public_key-fault'}"${fault && html` aria-invalid="true"`}>
${value}</textarea>
${faultText('public_key', fault)}
<div class="hint" id="public_key-hint"><p class="needs-script">Leave it empty, and your browser makes a key pair, sends the public half alone and lets you download the private half once.</p>
<details><summary>Make the pair yourself</summary><p>Paste the public key as PEM, JWK or certificate. These commands make a pair and print the public half:</p><pre tabindex="0" aria-label="Commands">${MAKE_PAIR}</pre></details></div>
</div>`
  })
}

/** After a key was added: what the browser kept of the pair is offered this once. */
export function keyAdded(
  visit: Visit,
  { account, key }: ChangedClientKey,
  { issuer, realm }: { readonly issuer: string; readonly realm: Realm },
  title: string,
): Page {
  const list = `/portal/${visit.realm}/service-accounts`
  const here = `${list}/${encodeURIComponent(account.clientId)}`
  return {
    title,
    section: 'service-accounts',
    trail: [
      ['Service Accounts', list],
      [account.name, here],
    ],
    settleAt: here,
    body: html`<div data-secret>
<div data-private-key="${key.kid}" hidden>
${notice('warning', html`<strong>Download the private key now — it cannot be retrieved again.</strong> Your browser made it, and this page alone has it. If you lose it, delete the key and add another.`)}
<section class="card"><h2>Private key</h2>
<div class="buttons"><a class="button primary" data-file="pem" download="${account.clientId}.pem">${icon('arrow-down-tray')}Download as PEM</a><a class="button" data-file="jwk" download="${account.clientId}.jwk">${icon('arrow-down-tray')}Download as JWK</a></div>
<p class="hint">The JWK names its <code>kid</code>; with the PEM you need not name one.</p></section>
</div>
<div data-own-key>${notice('success', 'The public key is added: requests that its private key signs are accepted.')}</div>
<section class="card"><dl class="facts">
<dt>Name</dt><dd>${named(account.name)}</dd>
<dt>client_id</dt><dd>${copyable('client-id', 'client_id', account.clientId)}</dd>
<dt>kid</dt><dd>${copyable('kid', 'kid', key.kid)}</dd>
<dt>Algorithm</dt><dd>${key.algorithm}</dd>
</dl></section>
${tokenByKeyCard(issuer, account)}
${snippetsCard({ issuer, account, realm }, { kind: 'key', kid: key.kid, algorithm: key.algorithm })}
<p><a class="button primary" href="${here}">Continue</a></p>
</div>`,
  }
}

/** How to request a token with the private key. */
export function tokenByKeyCard(issuer: string, { clientId }: Pick<ServiceAccount, 'clientId'>): Content {
  return html`<section class="card">
<div class="section-head"><h2>Get a bearer token with its key</h2>${copyButton('command', 'command')}</div>
<pre id="command" tabindex="0" aria-label="Command">${`mintmark token \\
  --issuer ${issuer} \\
  --client-id ${clientId} \\
  --private-key ${clientId}.pem`}</pre>
<div class="section-head"><h2>With its library for Node</h2>${copyButton('program', 'program')}</div>
<pre id="program" tabindex="0" aria-label="Program">${`import { createTokenSource } from '@mintmark/client'

const source = createTokenSource({
  issuer: '${issuer}',
  credential: { clientId: '${clientId}', privateKeyFile: '${clientId}.pem' },
})
const token = await source.token()`}</pre>
<p class="hint">Any client that knows <code>private_key_jwt</code> does: the <code>aud</code> of its assertion is <code class="wrap">${issuer}</code></p>
</section>`
}
