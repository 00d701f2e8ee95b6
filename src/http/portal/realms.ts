import type { Realm } from '../../domain/realm.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import type { RealmOverview } from '../../operations/realms/realm-overview.ts'
import { atMost, badge, form, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { pager } from './pager.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PAGE = 50

/** Where the realms of the platform are listed, for its administrators. */
export const REALMS = `/portal/${SYSTEM_REALM}/realms`

const DONE: ReadonlyMap<string, string> = new Map([
  ['deleted', 'The realm is deleted, with its accounts, keys and tokens.'],
])

/** All realms, for platform administrators: they are signed in to realm `system`. */
export function realmsScreen(portal: Portal, operations: Pick<Operations, 'realms' | 'portal'>): void {
  portal.page('/portal/:realm/realms', async (visit, asked) => {
    const search = asked.query('search').trim()
    const { items, next } = await operations.realms.listOverviews(visit.actor, {
      search,
      after: asked.query('after'),
      limit: PAGE,
      signal: asked.signal,
    })
    const done = DONE.get(asked.query('done'))
    return {
      title: 'Realms',
      section: 'realms',
      actions: html`<a class="button primary" href="/portal/${visit.realm}/new-realm">${icon('plus')}Create</a>`,
      body: html`${done && notice('success', done)}
<p class="lead">All realms of this platform, each with its own accounts, keys and people. You open one as Account Admin: its people see that you are in, and its audit trail names you.</p>
${searchForm(search)}
${items.length > 0 ? table(visit, items) : nothing(search, next !== undefined)}
${pager(asked, { next, kept: { search }, forth: items.length > 0 ? 'Next page' : 'Search on' })}`,
    }
  })

  portal.action('/portal/:realm/realms/:name/enter', async (visit, _sent, { params }) => {
    const { name = '' } = params
    const cookie = await operations.portal.enter(visit.actor, name)
    return { redirect: `/portal/${name}/service-accounts`, signedInto: { realm: name, cookie } }
  })
}

function searchForm(search: string): Html {
  return html`<form method="get" action="${REALMS}" class="toolbar" role="search"><div class="search-line">
<label class="unseen" for="search">Search by name or display name</label>
<span class="with-icon">${icon('magnifying-glass')}<input id="search" name="search" type="search" value="${search}" placeholder="Search name, display name…" ${atMost(100)}></span>
<button>Search</button>
</div></form>`
}

function table(visit: Visit, realms: readonly RealmOverview[]): Html {
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>Realm</th><th>State</th><th>Service accounts</th><th>Created</th><th class="unseen-cell"><span class="unseen">Actions</span></th></tr></thead>
<tbody>${realms.map((overview) => {
    const { realm } = overview
    const { name, displayName, serviceAccountCount: used, serviceAccountLimit: limit } = realm
    return html`<tr>
<td data-label="Realm"><a class="strong" href="${REALMS}/${name}"><code>${name}</code></a>${displayName !== '' && html`<br><span class="muted">${named(displayName)}</span>`}</td>
<td data-label="State">${stateOf(overview)}</td>
<td data-label="Accounts">${used.toLocaleString('en')} of ${limit.toLocaleString('en')}</td>
<td data-label="Created">${when(realm.createdAt, visit.now)}</td>
<td class="row-actions">${openButton(visit, realm)}</td>
</tr>`
  })}</tbody></table></div>`
}

/** Gets into the realm. Their own realm is open already. */
export function openButton(visit: Visit, { name }: Pick<Realm, 'name'>): Html {
  if (name === visit.realm)
    return html`<a class="button small" href="/portal/${name}/service-accounts" aria-label="Open ${name}">Open</a>`
  return form(
    visit,
    `${REALMS}/${name}/enter`,
    html`<button class="small" aria-label="Open ${name}">Open</button>`,
  )
}

/** State of a realm and what needs attention. */
export function stateOf(overview: RealmOverview): Html {
  const needs = needsOf(overview).map(([tone, words]) => badge(tone, words))
  return html`<span class="badges">${overview.realm.shadowMode ? badge('info', 'Shadow mode') : badge('success', 'Active')}${needs}</span>`
}

type Need = readonly ['danger' | 'warning', string]

function needsOf({ realm, leaks, isRotationOverdue, isBeyondPolicy }: RealmOverview): readonly Need[] {
  const needs: (Need | false)[] = [
    leaks > 0 && ['danger', `${leaks} with a leaked secret`],
    isRotationOverdue && ['danger', 'Key rotation overdue'],
    realm.serviceAccountCount >= realm.serviceAccountLimit && ['warning', 'Limit of accounts reached'],
    isBeyondPolicy && ['warning', 'Beyond the policy'],
  ]
  return needs.filter((need) => need !== false)
}

function nothing(search: string, hasMore: boolean): Content {
  return html`<div class="card empty">${icon('magnifying-glass')}<h2>No realm has “${search}” in its name or display name${hasMore && ' so far'}</h2>
<p>${hasMore ? 'There are more realms to search.' : html`<a href="${REALMS}">Show all</a>`}</p></div>`
}
