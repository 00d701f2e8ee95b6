import { type Grant, type GrantKey, grantableRoles } from '../../domain/grant.ts'
import type { Page as Part } from '../../domain/page.ts'
import type { ProtectedResource } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { select } from './choices.ts'
import { deviceAddress, typeInWords } from './device-words.ts'
import { atMost, badge, form, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { pager } from './pager.ts'
import { addressOf } from './service-account-frame.ts'
import {
  backToGrants,
  doneInWords,
  grantBox,
  grantForm,
  moreWays,
  removalBox,
  removalForm,
} from './several-grants.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'grants' | 'resources'>

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/grants'
const GRANTS = 50
/** Page size for people who look at many. */
const MANY_GRANTS = 500
const FOUND = 10

/** Grants and removes roles on single devices and device groups. */
export function grantActions(portal: Portal, operations: Deps): void {
  const acts = [
    ['add', operations.grants.add, 'granted'],
    ['remove', operations.grants.remove, 'removed'],
  ] as const
  for (const [verb, act, done] of acts) {
    portal.action(`${PATH}/${verb}`, async (visit, sent, { params }) => {
      const { clientId = '' } = params
      const [role = '', type = '', id = ''] = ['role', 'type', 'id'].map((name) => sent.get(name))
      const outcome = await act(visit.actor, visit.realm, clientId, { role, type, id })
      return backToGrants(visit, clientId, outcome && !outcome.added ? 'had' : done)
    })
  }
}

/** Grants of the account, and a search for more resources. */
export async function grantsCard(
  visit: Visit,
  { account, realm }: { readonly account: ServiceAccount; readonly realm: Realm },
  asked: Asked,
  operations: Deps,
): Promise<Html> {
  const [find = '', filter = ''] = ['find', 'filter'].map((name) => asked.query(name).trim().slice(0, 200))
  const each = asked.query('each') === String(MANY_GRANTS) ? MANY_GRANTS : GRANTS
  const grants = await operations.grants.list(visit.actor, visit.realm, account.clientId, {
    limit: each,
    after: asked.query('after') || undefined,
    ...(filter !== '' && { contains: filter }),
  })
  const searched = { limit: FOUND, contains: find, after: asked.query('from'), signal: asked.signal }
  const found = find === '' ? undefined : await operations.resources.list(visit.actor, visit.realm, searched)
  const { clientId } = account
  const { total, on } = await operations.grants.summary(
    visit.actor,
    visit.realm,
    clientId,
    found?.items ?? [],
  )
  const done = doneInWords(asked.query('done'))
  const kept = { find, filter, each: each === GRANTS ? '' : String(each) }
  return html`<section class="card" ${!done && html`id="grants" tabindex="-1"`}><h2>On devices and device groups</h2>
${done && html`<div id="grants" tabindex="-1">${notice('success', done)}</div>`}
${visit.mayChange && search(visit, account, realm, found && { ...found, find, on })}
${visit.mayChange && moreWays(visit, account.clientId)}
${total > GRANTS || filter !== '' ? filterForm(kept, total) : total > 0 && html`<h3>${total} ${total === 1 ? 'grant' : 'grants'}</h3>`}
${list(visit, account, grants, filter)}
${pager(asked, { next: grants.next, kept, forth: 'More', fragment: '#grants' })}
${each === GRANTS && grants.next !== undefined && html`<p class="pager"><a href="?${new URLSearchParams({ ...kept, each: String(MANY_GRANTS) }).toString()}#grants">Show ${MANY_GRANTS} on a page</a></p>`}
</section>`
}

function filterForm(
  { filter, find, each }: { readonly filter: string; readonly find: string; readonly each: string },
  total: number,
): Html {
  return html`<form method="get" action="#grants" role="search" class="finder">
<label for="filter">${total} grants: show those on</label>
${find !== '' && html`<input type="hidden" name="find" value="${find}">`}${each !== '' && html`<input type="hidden" name="each" value="${each}">`}
<div class="row"><span class="with-icon">${icon('magnifying-glass')}<input id="filter" name="filter" type="search" value="${filter}" placeholder="Part of a name or id" ${atMost(100)} autocomplete="off"></span>
<button>Filter</button></div>
</form>`
}

function list(visit: Visit, account: ServiceAccount, { items }: Part<Grant>, filter: string): Html {
  if (items.length === 0 && filter !== '')
    return html`<p class="muted">It has no grant on what has “${named(filter)}” in its name or id.</p>`
  if (items.length === 0)
    return html`<p class="muted">No grants. It has only its roles in the whole realm.</p>`
  const line = (grant: Grant) => html`<li>
<div class="ticked">${visit.mayChange && removalBox(visit, account.clientId, grant)}<span>${nameOf(visit, grant)}</span></div>
<div class="actions">${badge('plain', grant.role)}${
    visit.mayChange &&
    form(
      visit,
      `${addressOf(visit, account.clientId)}/permissions/grants/remove`,
      html`${hidden(grant)}<input type="hidden" name="role" value="${grant.role}">
<button class="quiet small" aria-label="Remove ${grant.role} on ${grant.name}">${icon('x-mark')}Remove</button>`,
    )
  }</div></li>`
  return html`<ul class="lines">${items.map(line)}</ul>
${visit.mayChange && removalForm(visit, account.clientId)}`
}

interface Found extends Part<ProtectedResource> {
  readonly find: string
  /** Grants that the account has on these resources already. */
  readonly on: readonly GrantKey[]
}

function search(visit: Visit, account: ServiceAccount, realm: Realm, found: Found | undefined): Html {
  return html`<form method="get" action="#grants" role="search" class="finder" data-search-as-you-type="found">
<label for="find">Grant a role on</label>
<div class="row"><span class="with-icon">${icon('magnifying-glass')}<input id="find" name="find" type="search" value="${found?.find ?? ''}" placeholder="Device or device group, by name or id" ${atMost(100)} autocomplete="off" aria-controls="found"></span>
<button>Search</button></div>
</form>
<div id="found" aria-live="polite">${found && results(visit, account, realm, found)}</div>`
}

function results(
  visit: Visit,
  account: ServiceAccount,
  realm: Realm,
  { find, items, next, on }: Found,
): Content {
  const query = next !== undefined && new URLSearchParams({ find, from: next }).toString()
  const more =
    query &&
    html`<p class="pager"><a class="button small" href="?${query}#grants">Search on${icon('chevron-right')}</a></p>`
  if (items.length === 0 && more)
    return html`<p class="muted">No device or device group with “${named(find)}” in its name or id so far.</p>${more}`
  if (items.length === 0)
    return html`<p class="muted">No device or device group has “${named(find)}” in its name or id.</p>`
  const roles = grantableRoles(realm)
  const heldOn = ({ type, id }: ProtectedResource) =>
    on.filter((grant) => grant.type === type && grant.id === id).map(({ role }) => role)
  const line = (resource: ProtectedResource) => html`<li>
<div class="ticked">${grantBox(visit, account.clientId, resource)}<span>${nameOf(visit, resource)}${heldOn(resource).map((role) => html` ${badge('info', `has ${role}`)}`)}</span></div>
${form(
  visit,
  `${addressOf(visit, account.clientId)}/permissions/grants/add`,
  html`${hidden(resource)}<input type="hidden" name="find" value="${find}">
${select(
  'role',
  roles.map((role) => [role, role]),
  { label: 'Role', attributes: html` aria-label="Role on ${resource.name}"` },
)}
<button class="small" aria-label="Grant it on ${resource.name}">${icon('plus')}Grant</button>`,
)}</li>`
  return html`<ul class="lines">${items.map(line)}</ul>
${grantForm(visit, account.clientId, roles)}
${more && html`<p class="hint">These are the first ${FOUND}. Type more to find others.</p>${more}`}`
}

function nameOf(visit: Visit, { type, id, name }: { type: string; id: string; name: string }): Html {
  return html`<a class="strong" href="${deviceAddress(visit, { type, id })}">${named(name)}</a> <span class="muted">${typeInWords(type)}${
    name !== id && html` · <code>${id}</code>`
  }</span>`
}

function hidden({ type, id }: Pick<GrantKey, 'type' | 'id'>): Html {
  return html`<input type="hidden" name="type" value="${type}"><input type="hidden" name="id" value="${id}">`
}
