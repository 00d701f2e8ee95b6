import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { atMost } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import type { Asked, Visit } from './visit.ts'

const FOUND = 10

export interface Finder {
  readonly label: string
  /** Name in the query for the account that is chosen. */
  readonly choice: string
  /** An account that cannot be chosen. */
  readonly but?: string
}

/** A search for a service account, whose hits are links to this page with one chosen. */
export async function accountFinder(
  visit: Visit,
  { query, signal }: Asked,
  { accounts }: Pick<Operations, 'accounts'>,
  { label, choice, but }: Finder,
): Promise<Html> {
  const find = query('find').trim().slice(0, 200)
  const filter = { after: '', limit: FOUND + 1, textContains: find, signal }
  const found = find === '' ? undefined : (await accounts.list(visit.actor, visit.realm, filter)).items
  const others = found?.filter(({ clientId }) => clientId !== but).slice(0, FOUND)
  return html`<form method="get" role="search" class="finder">
<label for="find">${label}</label>
<div class="row"><span class="with-icon">${icon('magnifying-glass')}<input id="find" name="find" type="search" value="${find}" placeholder="Service account, by name or client_id" ${atMost(100)} autocomplete="off"></span>
<button>Search</button></div></form>
${others && choices(others, find, choice)}`
}

function choices(others: readonly ServiceAccount[], find: string, choice: string): Content {
  if (others.length === 0)
    return html`<p class="muted">No other service account has “${named(find)}” in it.</p>`
  const line = ({ clientId, name }: ServiceAccount) =>
    html`<li><div><span class="strong">${named(name)}</span> <code class="muted wrap">${clientId}</code></div><a class="button small" href="?${new URLSearchParams({ [choice]: clientId }).toString()}" aria-label="Choose ${name}">Choose</a></li>`
  return html`<ul class="lines">${others.map(line)}</ul>`
}
