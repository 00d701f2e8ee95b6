import { type Grant, type GrantKey, grantableRoles } from '../../domain/grant.ts'
import type { Page as Part } from '../../domain/page.ts'
import type { ProtectedResource } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { atMost, badge, form } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { addressOf } from './service-account-frame.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'grants' | 'resources'>

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/grants'
const GRANTS = 50
const FOUND = 10

/** Labels for people; other types keep the realm's name. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['device', 'Device'],
  ['device_group', 'Device group'],
])

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
      await act(visit.actor, visit.realm, clientId, { role, type, id })
      const back = new URLSearchParams({
        done,
        ...(sent.get('find') && { find: sent.get('find') }),
      })
      return { redirect: `${addressOf(visit, clientId)}/permissions?${back}#grants` }
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
  const find = asked.query('find').trim().slice(0, 200)
  const after = asked.query('after')
  const grants = await operations.grants.list(visit.actor, visit.realm, account.clientId, {
    limit: GRANTS,
    after: after === '' ? undefined : after,
  })
  const filter = { limit: FOUND, contains: find, after: asked.query('from'), signal: asked.signal }
  const found = find === '' ? undefined : await operations.resources.list(visit.actor, visit.realm, filter)
  return html`<section class="card" id="grants"><h2>On devices and device groups</h2>
${list(visit, account, grants)}
${visit.mayChange && search(visit, account, realm, found && { ...found, find })}
</section>`
}

function list(visit: Visit, account: ServiceAccount, { items, next }: Part<Grant>): Html {
  if (items.length === 0)
    return html`<p class="muted">None yet: what it may do, it may do by its roles in the whole account.</p>`
  const line = (grant: Grant) => html`<li>
<div>${nameOf(grant)}</div>
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
${next !== undefined && html`<p class="pager"><a class="button small" href="?${new URLSearchParams({ after: next }).toString()}#grants">More${icon('chevron-right')}</a></p>`}`
}

interface Found extends Part<ProtectedResource> {
  readonly find: string
}

function search(visit: Visit, account: ServiceAccount, realm: Realm, found: Found | undefined): Html {
  return html`<form method="get" action="#grants" role="search" class="finder" data-search-as-you-type="found">
<label for="find">Grant a role on</label>
<div class="row"><span class="with-icon">${icon('magnifying-glass')}<input id="find" name="find" type="search" value="${found?.find ?? ''}" placeholder="Device or device group, by name or id" ${atMost(100)} autocomplete="off" aria-controls="found"></span>
<button>Search</button></div>
</form>
<div id="found" aria-live="polite">${found && results(visit, account, realm, found)}</div>`
}

function results(visit: Visit, account: ServiceAccount, realm: Realm, { find, items, next }: Found): Content {
  const query = next !== undefined && new URLSearchParams({ find, from: next }).toString()
  const more =
    query &&
    html`<p class="pager"><a class="button small" href="?${query}#grants">Search on${icon('chevron-right')}</a></p>`
  if (items.length === 0 && more)
    return html`<p class="muted">No device or device group with “${named(find)}” in its name or id so far.</p>${more}`
  if (items.length === 0)
    return html`<p class="muted">No device or device group has “${named(find)}” in its name or id.</p>`
  const roles = grantableRoles(realm)
  const line = (resource: ProtectedResource) => html`<li>
<div>${nameOf(resource)}</div>
${form(
  visit,
  `${addressOf(visit, account.clientId)}/permissions/grants/add`,
  html`${hidden(resource)}<input type="hidden" name="find" value="${find}">
<select name="role" aria-label="Role on ${resource.name}">${roles.map((role) => html`<option>${role}</option>`)}</select>
<button class="small" aria-label="Grant it on ${resource.name}">${icon('plus')}Grant</button>`,
)}</li>`
  return html`<ul class="lines">${items.map(line)}</ul>
${more && html`<p class="hint">These are the first ${FOUND}. Type more to find others.</p>${more}`}`
}

function nameOf({ type, id, name }: { type: string; id: string; name: string }): Html {
  return html`<span class="strong">${named(name)}</span> <span class="muted">${TYPES.get(type) ?? type}${
    name !== id && html` · <code>${id}</code>`
  }</span>`
}

function hidden({ type, id }: Pick<GrantKey, 'type' | 'id'>): Html {
  return html`<input type="hidden" name="type" value="${type}"><input type="hidden" name="id" value="${id}">`
}
