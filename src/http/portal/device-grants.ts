import { grantableRoles, type ResourceGrant } from '../../domain/grant.ts'
import type { ProtectedResource } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { countOf, deviceAddress, typeInWords } from './device-words.ts'
import { badge } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { pager } from './pager.ts'
import { addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Asked, Visit } from './visit.ts'

const PAGE = 50

/** Who may do what on a device or a group: the grants on it, and on the groups that it is in. */
export async function deviceGrantsCard(
  visit: Visit,
  { resource, realm }: { readonly resource: ProtectedResource; readonly realm: Realm },
  asked: Asked,
  { grants }: Pick<Operations, 'grants'>,
): Promise<Html> {
  const roles = grantableRoles(realm)
  const role = roles.find((one) => one === asked.query('role'))
  const page = { after: asked.query('after') || undefined, limit: PAGE, role }
  const { items, next } = await grants.listOn(visit.actor, visit.realm, resource, page)
  return html`<section class="card flush"><div class="card-head"><h2>Who may do what</h2>
${roleFilter(roles, role)}</div>
${items.length > 0 ? table(visit, resource, items) : html`<p class="card-text muted">${noGrant(resource, role)}</p>`}
<div class="card-text">${pager(asked, { next, kept: { role: role ?? '' } })}
<p class="hint">Roles in the whole realm count here too: service accounts with ${roles.map((one, at) => html`${at > 0 && ', '}<a href="/portal/${visit.realm}/service-accounts?${new URLSearchParams({ role: one }).toString()}">${named(one)}</a>`)}.</p></div>
</section>`
}

function noGrant({ groups }: ProtectedResource, role: string | undefined): Content {
  const where = groups.length > 0 && ` or on ${countOf(groups.length, 'group')} that it is in`
  return html`No service account has ${role === undefined ? 'a role' : html`the role ${named(role)}`} on it${where}.`
}

function roleFilter(roles: readonly string[], chosen: string | undefined): Html {
  const option = (role: string) => html`<option${role === chosen && html` selected`}>${role}</option>`
  return html`<form method="get" class="row-form"><label for="role">Role</label>
<select id="role" name="role"><option value="">Any</option>${roles.map(option)}</select><button class="small">Show</button></form>`
}

function table(visit: Visit, resource: ProtectedResource, items: readonly ResourceGrant[]): Html {
  const isHere = ({ type, id }: ResourceGrant) => type === resource.type && id === resource.id
  const row = (grant: ResourceGrant) => html`<tr>
<td data-label="Service account"><a class="strong" href="${addressOf(visit, grant.clientId)}/permissions">${named(grant.accountName)}</a></td>
<td data-label="Role">${badge('plain', grant.role)}</td>
<td data-label="Granted on">${isHere(grant) ? 'itself' : html`${typeInWords(grant.type)} <a href="${deviceAddress(visit, grant)}">${named(grant.id)}</a>`}</td>
<td data-label="Since">${when(grant.createdAt, visit.now)}</td>
<td data-label="State">${grant.enabled ? badge('success', 'Active') : badge('warning', 'Disabled')}</td>
</tr>`
  return html`<table class="cards">
<thead><tr><th>Service account</th><th>Role</th><th>Granted on</th><th>Since</th><th>State</th></tr></thead>
<tbody>${items.map(row)}</tbody></table>`
}
