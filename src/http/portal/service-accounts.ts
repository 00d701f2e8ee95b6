import type { OpenLeak } from '../../domain/leaked-secret.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { MAX_COUNTED } from '../../operations/accounts/account-import.ts'
import type { Operations } from '../../operations/operations.ts'
import { type ListAsked, listFilters, nothingFound, readListAsked } from './account-filters.ts'
import { labels } from './account-labels.ts'
import { bulkBox, bulkForm } from './bulk-accounts.ts'
import { badge, copyButton, leakBadge, notice, roleBadges, stateBadge } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { leaksBanner } from './leaks.ts'
import { pager } from './pager.ts'
import { shadowNotice } from './shadow.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PAGE = 50
const ROLES_IN_LIST = 2

/** Notices that a redirect to this page may show. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['deleted', 'The service account is deleted. It gets no more tokens.'],
])

/** Settings → Service Accounts. */
export function serviceAccountsScreen(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'accounts' | 'leakedSecrets'>,
): void {
  portal.page('/portal/:realm/service-accounts', async (visit, asked) => {
    const { query } = asked
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const wanted = readListAsked(asked, realm, visit.now)
    const { items, next } = await operations.accounts.list(visit.actor, visit.realm, {
      after: query('after'),
      limit: PAGE,
      order: wanted.order,
      ...wanted.filter,
      signal: asked.signal,
    })
    const foreign = await operations.accounts.countForeignHashes(visit.actor, visit.realm)
    const leaks = await operations.leakedSecrets.listOpen(visit.actor, visit.realm)
    const done = DONE.get(query('done'))
    return {
      title: 'Service Accounts',
      section: 'service-accounts',
      actions: createButton(visit, realm),
      body: html`
${done && notice('success', done)}
${leaksBanner(visit, leaks)}
<p class="lead">Identities of your automation and integrations. Each one exchanges its client_id and a secret or signature for short-lived tokens.</p>
${shadowNotice(visit.realm, realm.shadowMode)}
${foreignNotice(foreign)}
${toolbar(visit, realm, wanted)}
${items.length > 0 ? table(visit, items, leaks) : (nothingFound(realm, wanted, next !== undefined) ?? noneYet(visit, realm))}
${visit.mayChange && items.length > 0 && bulkForm(visit)}
${pager(asked, { next, kept: wanted.kept, forth: items.length > 0 ? 'Next page' : 'Search on' })}`,
    }
  })
}

function foreignNotice(count: number): Content {
  if (count === 0) return undefined
  const many = count < MAX_COUNTED ? `${count}` : `${MAX_COUNTED} or more`
  return html`<p class="muted">Secrets that still have the hash they were imported with, since they were not used here: ${many}</p>`
}

function isFull({ serviceAccountCount, serviceAccountLimit }: Realm): boolean {
  return serviceAccountCount >= serviceAccountLimit
}

function createButton(visit: Visit, realm: Realm): Content {
  if (!visit.mayChange) return undefined
  const label = html`${icon('plus')}Create`
  return isFull(realm)
    ? html`<button class="primary" disabled aria-describedby="usage">${label}</button>`
    : html`<a class="button primary" href="/portal/${visit.realm}/service-accounts/create">${label}</a>`
}

function toolbar(visit: Visit, realm: Realm, wanted: ListAsked): Html {
  const { serviceAccountCount: used, serviceAccountLimit: limit } = realm
  const full = isFull(realm)
  return html`<div class="toolbar">
${listFilters(realm, wanted)}
<p class="usage${full && ' full'}" id="usage"><meter min="0" max="${Math.max(limit, 1)}" value="${used}" aria-label="Service accounts used"></meter>${used} of ${limit} used${
    full &&
    visit.mayChange &&
    html`<span class="fault">The limit of ${limit} is reached: delete one before you create another.</span>`
  }</p>
</div>`
}

function table(visit: Visit, accounts: readonly ServiceAccount[], leaks: readonly OpenLeak[]): Html {
  const { realm, now, mayChange } = visit
  const leakOf = new Map(leaks.map((leak) => [leak.clientId, leak]))
  return html`<div class="card flush"><table class="cards accounts">
<thead><tr><th>Name</th><th>client_id</th><th>Role</th><th>Created</th><th>Last used</th><th>State</th>${mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${accounts.map((account) => {
    const here = `/portal/${realm}/service-accounts/${account.clientId}`
    return html`<tr>
<td data-label="Name"><span class="ticked">${mayChange && bulkBox(account)}<a class="strong" href="${here}">${named(account.name)}</a></span>${labels(realm, account)}</td>
<td data-label="client_id"><span class="inline-copy"><code id="id-${account.clientId}">${account.clientId}</code>${copyButton(`id-${account.clientId}`, `client_id of ${account.name}`)}</span></td>
<td data-label="Role">${roleBadges(account.roles, ROLES_IN_LIST)}</td>
<td data-label="Created">${when(account.createdAt, now)}</td>
<td data-label="Last used">${when(account.lastUsedAt, now)}</td>
<td data-label="State">${stateBadge(account, now)}${leakBadge(leakOf.get(account.clientId))}${account.foreignHash && badge('plain', 'imported hash')}</td>
${
  mayChange &&
  html`<td class="row-actions">${account.authMethods.includes('client_secret') && html`<a class="button small" href="${here}/reset-secret" aria-label="Reset Secret of ${account.name}">${icon('arrow-path')}Reset Secret</a>`}<a class="button small danger-text" href="${here}/delete" aria-label="Delete ${account.name}">${icon('trash')}Delete</a></td>`
}
</tr>`
  })}</tbody>
</table></div>`
}

function noneYet(visit: Visit, realm: Realm): Html {
  return html`<div class="card empty">${icon('cpu-chip')}<h2>No service accounts yet</h2>
<p>Create one for each machine or program that calls your APIs, so that each has a secret or key of its own.</p>
${visit.mayChange && !isFull(realm) && html`<p><a class="button primary" href="/portal/${visit.realm}/service-accounts/create">${icon('plus')}Create the first one</a></p>`}</div>`
}
