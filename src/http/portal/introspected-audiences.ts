import { knownAudiences, type Realm } from '../../domain/realm.ts'
import { INTROSPECT } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { choices } from './choices.ts'
import { form, saveButton, versionField } from './elements.ts'
import { type Content, html, named } from './html.ts'
import { addressOf } from './service-account-frame.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/audiences'

/** Action of the card's form. */
export function introspectedAudiencesAction(portal: Portal, operations: Pick<Operations, 'accounts'>): void {
  portal.action(PATH, async (visit, sent, { params }) => {
    const clientId = params['clientId'] as string
    const audiences = sent.getAll('audience')
    const update = {
      introspectsAudiences: audiences.length > 0 ? audiences : null,
      expectedVersion: Number(sent.get('version')),
    }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}/permissions?done=saved` }
  })
}

/** Audiences that a resource server serves; empty for an account that does not introspect. */
export function introspectedAudiencesCard(
  visit: Visit,
  account: ServiceAccount,
  realm: Realm,
  publicUrl: string,
): Content {
  if (!account.roles.includes(INTROSPECT)) return undefined
  const { introspectsAudiences: served = [] } = account
  const known = new Set([...knownAudiences(realm, publicUrl), ...served])
  const choice = (audience: string) => ({
    value: audience,
    label: named(audience),
    isChosen: served.includes(audience),
  })
  const content = visit.mayChange
    ? form(
        visit,
        `${addressOf(visit, account.clientId)}/permissions/audiences`,
        html`${versionField(account.version)}
${choices({ type: 'checkbox', name: 'audience', legend: 'Audiences', isLegendUnseen: true, refusedAs: 'introspects_audiences' }, [...known].map(choice))}
<div class="buttons">${saveButton('Save audiences', false)}</div>`,
      )
    : html`<ul class="lines">${served.map((audience) => html`<li>${named(audience)}</li>`)}</ul>`
  return html`<section class="card"><h2>Audiences it serves</h2>
<p class="hint">As a resource server it is told of tokens for these alone. With none chosen it is told of all tokens of the realm.</p>
${content}</section>`
}
