import { type ProtectedResource, type ResourceKey, resourceTypesOf } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { deviceAddress, groupLinks, keyIn, keyText, typeInWords } from './device-words.ts'
import { atMost, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { pager } from './pager.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

const PAGE = 50

const DONE: ReadonlyMap<string, string> = new Map([
  ['added', 'Added. Roles can be granted on it now.'],
  ['deleted', 'Deleted, with all grants on it. New tokens no longer have them.'],
])

/** Filters of the list, from the query. */
interface ListAsked {
  readonly search: string
  readonly type: string | undefined
  readonly group: ResourceKey | undefined
  readonly kept: Readonly<Record<string, string>>
}

/** Settings → Devices: what roles are granted on. */
export function devicesScreen(portal: Portal, operations: Pick<Operations, 'realms' | 'resources'>): void {
  portal.page('/portal/:realm/devices', async (visit, asked) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const wanted = readAsked(asked, realm)
    const { search, type, group } = wanted
    const { items, next } = await operations.resources.list(visit.actor, visit.realm, {
      after: asked.query('after'),
      limit: PAGE,
      type,
      group,
      contains: search === '' ? undefined : search,
      signal: asked.signal,
    })
    const done = DONE.get(asked.query('done'))
    const hasMore = next !== undefined
    return {
      title: 'Devices',
      section: 'devices',
      actions: visit.mayChange && addButtons(visit),
      body: html`${done && notice('success', done)}
<p class="lead">${realm.resourceTypes.length > 0 ? 'Devices, device groups and other resources' : 'Devices and device groups'} that you can grant roles on. A role on a group applies to all its members.</p>
${filters(visit, realm, wanted)}
${items.length > 0 ? table(visit, items) : nothing(visit, wanted, hasMore)}
${visit.mayChange && items.length > 0 && bulkForm(visit)}
${pager(asked, { next, kept: wanted.kept, forth: items.length > 0 ? 'Next page' : 'Search on' })}`,
    }
  })
}

/** Values that are none do not count. */
function readAsked({ query }: Asked, realm: Realm): ListAsked {
  const search = query('search').trim().slice(0, 200)
  const type = resourceTypesOf(realm).find((one) => one === query('type'))
  const group = keyIn(query('group').slice(0, 200))
  const asked = { search, type: type ?? '', group: group ? keyText(group) : '' }
  const kept = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
  return { search, type, group, kept }
}

function addButtons({ realm }: Visit): Html {
  const here = `/portal/${realm}/devices`
  return html`<a class="button" href="${here}/import">${icon('arrow-up-tray')}Import</a><a class="button primary" href="${here}/add">${icon('plus')}Add</a>`
}

function filters(visit: Visit, realm: Realm, { search, type, group }: ListAsked): Html {
  const option = (value: string) =>
    html`<option value="${value}"${value === type && html` selected`}>${typeInWords(value)}</option>`
  return html`<form method="get" role="search" class="toolbar device-search">
<div class="search-line"><label class="unseen" for="search">Search by name or id</label>
<span class="with-icon">${icon('magnifying-glass')}<input id="search" name="search" type="search" value="${search}" placeholder="Search name or id…" ${atMost(100)} autocomplete="off"></span>
<label class="unseen" for="type">Type</label>
<select id="type" name="type"><option value="">All types</option>${resourceTypesOf(realm).map(option)}</select>
<button>Search</button></div>
${group && inGroup(visit, group)}
</form>`
}

function inGroup(visit: Visit, group: ResourceKey): Html {
  return html`<p class="usage"><input type="hidden" name="group" value="${keyText(group)}">In the group <a href="${deviceAddress(visit, group)}">${named(group.id)}</a> · <a href="/portal/${visit.realm}/devices">Show all</a></p>`
}

function table(visit: Visit, items: readonly ProtectedResource[]): Html {
  const { now, mayChange } = visit
  const row = (one: ProtectedResource) => {
    const here = deviceAddress(visit, one)
    const question = `/portal/${visit.realm}/devices/delete?${new URLSearchParams({ resource: keyText(one) })}`
    return html`<tr>
<td data-label="Name"><span class="ticked">${mayChange && html`<input type="checkbox" form="bulk" name="resource" value="${keyText(one)}" aria-label="Tick ${one.name}">`}<a class="strong" href="${here}">${named(one.name)}</a></span></td>
<td data-label="Type">${typeInWords(one.type)}</td>
<td data-label="Id"><code class="wrap">${one.id}</code></td>
<td data-label="Groups">${groupLinks(visit, one)}</td>
<td data-label="Changed">${when(one.updatedAt, now)}</td>
${mayChange && html`<td class="row-actions"><a class="button small danger-text" href="${question}" aria-label="Delete ${one.name}">${icon('trash')}Delete</a></td>`}
</tr>`
  }
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>Name</th><th>Type</th><th>Id</th><th>Groups</th><th>Changed</th>${mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${items.map(row)}</tbody></table></div>`
}

function bulkForm({ realm }: Visit): Html {
  return html`<form method="get" action="/portal/${realm}/devices/delete" id="bulk" class="bulk">
<span class="muted">Ticked ones:</span>
<button class="small danger-text">${icon('trash')}Delete…</button>
</form>`
}

function nothing(visit: Visit, { search, kept }: ListAsked, hasMore: boolean): Content {
  const all = html`<a href="/portal/${visit.realm}/devices">Show all</a>`
  if (Object.keys(kept).length > 0 || hasMore)
    return html`<div class="card empty">${icon('magnifying-glass')}<h2>${search === '' ? 'Nothing matches' : html`No match has “${named(search)}” in its name or id`}${hasMore && ' so far'}</h2>
<p>${hasMore ? 'There is more to search.' : all}</p></div>`
  return html`<div class="card empty">${icon('server-stack')}<h2>No devices yet</h2>
<p>Add or import the devices and device groups of this realm, to grant roles on them instead of on all of it.</p></div>`
}
