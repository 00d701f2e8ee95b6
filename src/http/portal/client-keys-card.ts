import { type ClientKey, isKeyValid, MAX_KEYS } from '../../domain/client-key.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { badge } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Visit } from './visit.ts'

/** The section of the account's page. */
export function keysCard(visit: Visit, account: ServiceAccount, keys: readonly ClientKey[]): Content {
  const counts = account.authMethods.includes('private_key_jwt')
  if (!counts && keys.length === 0 && account.jwksUri === undefined) return undefined
  if (account.jwksUri !== undefined) return publishedCard(visit, account)
  const here = addressOf(visit, account.clientId)
  const { now, mayChange } = visit
  const row = (key: ClientKey) => html`<li>
<div><p class="strong">${titleOf(key)} ${!isKeyValid(key, now) && badge('warning', 'Expired')}</p>
<p class="muted">${key.algorithm} · added ${when(key.createdAt, now)} · last used ${when(key.lastUsedAt, now, 'never')}${
    key.expiresAt && html` · ${isKeyValid(key, now) ? 'expires' : 'expired'} ${when(key.expiresAt, now)}`
  }</p></div>
${
  mayChange &&
  html`<span class="row-actions"><a class="button small" href="${here}/keys/${key.thumbprint}" aria-label="Change ${nameOf(key)}">${icon('pencil-square')}Change</a><a class="button small danger-text" href="${here}/keys/${key.thumbprint}/delete" aria-label="Delete ${nameOf(key)}">${icon('trash')}Delete</a></span>`
}</li>`
  return html`<section class="card"><div class="section-head"><h2>Public keys</h2>
${mayChange && keys.length === 0 && html`<a class="button small" href="${here}/published-keys">Use an address</a>`}
${mayChange && keys.length < MAX_KEYS && html`<a class="button small" href="${here}/keys/add">${icon('plus')}Add a key</a>`}</div>
${!counts && html`<p class="muted">The service account may not authenticate with keys, so these are ignored.</p>`}
${counts && keys.length === 0 && html`<p class="muted">No keys. It cannot get tokens with a key.</p>`}
<ul class="lines">${keys.map(row)}</ul></section>`
}

/** The card of an account that publishes its keys itself. */
function publishedCard(visit: Visit, account: ServiceAccount): Html {
  const counts = account.authMethods.includes('private_key_jwt')
  return html`<section class="card"><div class="section-head"><h2>Public keys</h2>
${visit.mayChange && html`<a class="button small" href="${addressOf(visit, account.clientId)}/published-keys">${icon('pencil-square')}Change</a>`}</div>
${!counts && html`<p class="muted">The service account may not authenticate with keys, so these are ignored.</p>`}
<p>It publishes its keys at <code class="wrap">${account.jwksUri}</code></p></section>`
}

function nameOf({ name, kid }: ClientKey): string {
  return name === '' ? kid : name
}

export function titleOf(key: ClientKey): Html {
  return key.name === '' ? html`<code class="wrap">${key.kid}</code>` : named(key.name)
}
