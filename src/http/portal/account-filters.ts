import {
  ACCOUNT_ORDERS,
  ACCOUNT_STATES,
  type AccountFilter,
  type AccountOrder,
  MAX_SORTED_ACCOUNTS,
} from '../../domain/account-filter.ts'
import type { Realm } from '../../domain/realm.ts'
import { BUILT_IN_ROLES } from '../../domain/role.ts'
import type { Asked } from './asked.ts'
import { atMost } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import { icon } from './icons.ts'
import { METHOD_NAMES } from './key-pair.ts'

/** Names in the query, beside `search`. */
const SELECTS = ['state', 'role', 'auth_method', 'need', 'order'] as const

const UNUSED_DAYS = 90

/** What asks for somebody's attention. */
const NEEDS: readonly (readonly [string, string])[] = [
  ['unused', `Not used for ${UNUSED_DAYS} days`],
  ['rotating', 'Rotation under way'],
  ['leaked', 'Secret found in public'],
]

const ORDER_NAMES: Readonly<Record<AccountOrder, string>> = {
  name: 'Name',
  newest: 'Newest first',
  'last-used': 'Last used first',
  unused: 'Unused for longest first',
}

/** What the list is asked for. */
export interface ListAsked {
  readonly search: string
  readonly filter: AccountFilter
  readonly order: AccountOrder
  /** Pairs of the query that the next page keeps. */
  readonly kept: Readonly<Record<string, string>>
  /** Whether any filter beside the search is set. */
  readonly isFiltered: boolean
}

/** Values that are none of a filter do not count. */
export function readListAsked({ query }: Asked, realm: Realm, now: Date): ListAsked {
  const search = query('search').trim().slice(0, 200)
  const one = <T extends string>(name: string, values: readonly T[]) =>
    values.find((value) => value === query(name))
  const isSortable = realm.serviceAccountCount <= MAX_SORTED_ACCOUNTS
  const chosen = {
    state: one('state', ACCOUNT_STATES),
    role: one('role', [...BUILT_IN_ROLES, ...realm.roles]),
    auth_method: one('auth_method', realm.allowedAuthMethods),
    need: one(
      'need',
      NEEDS.map(([value]) => value),
    ),
    order: isSortable ? one('order', ACCOUNT_ORDERS) : undefined,
  }
  const { state, role, auth_method: authMethod, need, order = 'name' } = chosen
  const filter = {
    textContains: search === '' ? undefined : search,
    state,
    role,
    authMethod,
    isRotating: need === 'rotating' ? true : undefined,
    isLeaked: need === 'leaked' ? true : undefined,
    unusedSince: need === 'unused' ? new Date(now.getTime() - UNUSED_DAYS * 86_400_000) : undefined,
  }
  const kept = Object.fromEntries(
    Object.entries({ search, ...chosen }).filter((pair): pair is [string, string] => Boolean(pair[1])),
  )
  const isFiltered = SELECTS.some((name) => name !== 'order' && kept[name] !== undefined)
  return { search, filter, order, kept, isFiltered }
}

/** Search and filters in one form, so that each keeps the others. */
export function listFilters(realm: Realm, { search, kept, isFiltered }: ListAsked): Html {
  const select = (name: (typeof SELECTS)[number], label: string, options: Options, any = 'Any') =>
    html`<div class="field"><label for="filter-${name}">${label}</label><select id="filter-${name}" name="${name}"><option value="">${any}</option>${options.map(
      ([value, words]) =>
        html`<option value="${value}"${kept[name] === value && html` selected`}>${words}</option>`,
    )}</select></div>`
  const roles = [...BUILT_IN_ROLES, ...realm.roles].map((role) => [role, role] as const)
  const isSortable = realm.serviceAccountCount <= MAX_SORTED_ACCOUNTS
  return html`<form method="get" role="search" class="list-search">
<div class="search-line">
  <label class="unseen" for="search">Search by name, client_id, description, owner or tag</label>
  <span class="with-icon">${icon('magnifying-glass')}<input id="search" name="search" type="search" value="${search}" placeholder="Search name, client_id, owner, tag…" ${atMost(100)}></span>
  <button>Search</button>
</div>
<details class="more-filters"${isFiltered && html` open`}><summary>Filter and sort</summary>
<div class="filters">
${select('state', 'State', [
  ['enabled', 'Active'],
  ['disabled', 'Disabled'],
  ['ended', 'Past its end'],
])}
${select('need', 'Needs a look', NEEDS)}
${select('role', 'Role', roles)}
${
  realm.allowedAuthMethods.length > 1 &&
  select(
    'auth_method',
    'Authenticates with',
    realm.allowedAuthMethods.map((method) => [method, METHOD_NAMES[method]] as const),
  )
}
${
  isSortable &&
  select(
    'order',
    'Sort by',
    ACCOUNT_ORDERS.slice(1).map((order) => [order, ORDER_NAMES[order]] as const),
    ORDER_NAMES.name,
  )
}
<div class="buttons"><button>Apply</button><a class="button quiet" href="/portal/${realm.name}/service-accounts">Clear</a></div>
</div></details>
</form>`
}

type Options = readonly (readonly [value: string, words: string])[]

/** Instead of a table without rows. @param hasMore whether there is more to search */
export function nothingFound(realm: Realm, { search, isFiltered }: ListAsked, hasMore: boolean): Content {
  if (search === '' && !isFiltered && !hasMore) return undefined
  const what =
    search === ''
      ? 'No service account is like that'
      : html`No service account${isFiltered && ' like that'} has “${search}” in its name, client_id, description, owner or tags`
  return html`<div class="card empty">${icon('magnifying-glass')}<h2>${what}${hasMore && ' so far'}</h2>
<p>${hasMore ? 'There are more service accounts to search.' : html`<a href="/portal/${realm.name}/service-accounts">Show all</a>`}</p></div>`
}
