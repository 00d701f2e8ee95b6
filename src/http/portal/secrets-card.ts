import type { ListedClientSecret, ServiceAccount } from '../../domain/service-account.ts'
import { type Content, html } from './html.ts'
import { icon } from './icons.ts'
import { addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Visit } from './visit.ts'

/** The section of the account's page. */
export function secretsCard(
  visit: Visit,
  account: ServiceAccount,
  secrets: readonly ListedClientSecret[],
): Content {
  if (!account.authMethods.includes('client_secret')) return undefined
  const { now, mayChange } = visit
  const here = addressOf(visit, account.clientId)
  const rotating = secrets.length > 1
  const rows = secrets.map((secret) => {
    const isOld = secret.expiresAt !== undefined
    return html`<li>
<div><p class="strong">${rotating ? (isOld ? 'Old secret' : 'New secret') : 'Secret'} ${secret.lastFour === '' ? 'that the client had' : html`<code>…${secret.lastFour}</code>`}</p>
<p class="muted">Made ${when(secret.createdAt, now)} · last used ${when(secret.lastUsedAt, now, 'never')}${
      secret.expiresAt && html` · ends ${when(secret.expiresAt, now)}`
    }${secret.tooOldAt && html` · too old ${when(secret.tooOldAt, now)}`}</p>${account.foreignHash && !secret.lastUsedAt && secret.lastFour === '' && html`<p class="muted">It still has the hash that it was imported with (${account.foreignHash}), which its first use here replaces.</p>`}</div>
${
  rotating &&
  mayChange &&
  html`<a class="button small" href="${here}/secrets/${secret.id}/delete">${isOld ? html`${icon('check')}Finish: end the old one` : html`${icon('x-mark')}Cancel: drop the new one`}</a>`
}
</li>`
  })
  return html`<section class="card"><div class="section-head"><h2>${rotating ? 'Secrets: a rotation is under way' : 'Secret'}</h2>
${secrets.length === 1 && mayChange && html`<a class="button small" href="${here}/rotate-secret">${icon('clock')}Rotate with overlap</a>`}</div>
${secrets.length === 0 && html`<p class="muted">No secret is valid. Reset Secret makes one.</p>`}
<ul class="lines">${rows}</ul></section>`
}
