import { MAX_OPEN_LEAKS, type OpenLeak } from '../../domain/leaked-secret.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { addressOf } from './service-account-frame.ts'
import { ago, exact } from './times.ts'
import type { Visit } from './visit.ts'

/** Accounts that the banner of the list names. */
const NAMED = 5

/** Banner of the list: accounts with a leaked secret that somebody has to do something about. */
export function leaksBanner(visit: Visit, leaks: readonly OpenLeak[]): Content {
  const accounts = new Map(leaks.map((leak) => [leak.clientId, leak]))
  if (accounts.size === 0) return undefined
  const first = [...accounts.values()].slice(0, NAMED)
  const count = leaks.length < MAX_OPEN_LEAKS ? `${accounts.size}` : `${accounts.size} or more`
  const line = ({ clientId, name, foundAt }: OpenLeak) =>
    html`<li><a href="${addressOf(visit, clientId)}">${named(name)}</a>: a secret of it was found in public ${ago(foundAt, visit.now)}.</li>`
  return notice(
    'danger',
    html`<strong>${accounts.size === 1 ? '1 account needs you' : `${count} accounts need you`}</strong>
<ul class="plain-list">${first.map(line)}${accounts.size > NAMED && html`<li>and ${accounts.size - NAMED} more</li>`}</ul>`,
  )
}

/** On the page of the account: where and when a secret of it was found, and what to do. */
export function leakNotices(visit: Visit, account: ServiceAccount, leaks: readonly OpenLeak[]): Content {
  return leaks.map((leak) => leakNotice(visit, account, leak))
}

function leakNotice(visit: Visit, { clientId }: ServiceAccount, leak: OpenLeak): Html {
  const { url, source, foundAt, isValid } = leak
  const line = new URLSearchParams({
    action: 'service-account.leaked-secret',
    target: clientId,
    only: 'target',
  })
  const place = url !== undefined && html` at <code class="wrap">${url}</code>`
  return notice(
    'danger',
    html`<p><strong>A secret of this account was found in public</strong> ${ago(foundAt, visit.now)} (${exact(foundAt)})${place}${source !== undefined && ` (${source})`}.
${isValid ? 'It still works for everybody who has read it.' : 'It has ended, with all tokens of the account: the account gets no token by a secret that lasts.'}
${visit.mayChange && html`<a href="${addressOf(visit, clientId)}/reset-secret">Reset Secret</a> makes a new one${isValid && ' and ends it'}, and removes this warning.`}</p>
<p><a href="/portal/${visit.realm}/audit?${line.toString()}">Its line in the audit trail</a></p>`,
  )
}
