import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import type { CopyPlan } from '../../operations/resources/bulk-grants.ts'
import { accountFinder } from './account-finder.ts'
import { countOf, typeInWords } from './device-words.ts'
import { badge, form } from './elements.ts'
import { type Html, html, named } from './html.ts'
import { about, addressOf } from './service-account-frame.ts'
import { backToGrants } from './several-grants.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'grants'>

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/grants/copy'

/** Copies the grants of another account: first what would be added, then all of it. */
export function copyGrantsScreen(portal: Portal, operations: Deps): void {
  portal.question(PATH, async (visit, asked) => {
    const { clientId = '' } = asked.params
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const from = asked.query('source')
    const plan =
      from === '' ? undefined : await operations.grants.planCopy(visit.actor, visit.realm, clientId, from)
    return {
      ...about(visit, account, 'Copy grants from another account'),
      help: 'roles-and-grants#many-grants',
      body: plan ? planCard(visit, account, plan) : await sourceCard(visit, account, asked, operations),
    }
  })

  portal.action(PATH, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const source = { from: sent.get('from'), fromVersion: Number(sent.get('from_version')) }
    const added = await operations.grants.copy(visit.actor, visit.realm, clientId, source)
    return backToGrants(visit, clientId, `granted-${added}-0`)
  })
}

async function sourceCard(visit: Visit, account: ServiceAccount, asked: Asked, deps: Deps): Promise<Html> {
  const finder = { label: 'Copy the grants of', choice: 'source', but: account.clientId }
  return html`<section class="card narrow">${await accountFinder(visit, asked, deps, finder)}
<p class="buttons"><a class="button" href="${addressOf(visit, account.clientId)}/permissions">Cancel</a></p></section>`
}

function planCard(
  visit: Visit,
  account: ServiceAccount,
  { source, first, total, sourceGrants }: CopyPlan,
): Html {
  const here = `${addressOf(visit, account.clientId)}/permissions`
  const other = html`<a href="${addressOf(visit, source.clientId)}/permissions">${named(source.name)}</a>`
  const cancel = html`<a class="button" href="${here}">Cancel</a>`
  if (total === 0)
    return html`<section class="card narrow"><p>${sourceGrants === 0 ? html`${other} has no grants.` : html`It has all ${countOf(sourceGrants, 'grant')} of ${other} already.`}</p><p class="buttons">${cancel}</p></section>`
  return html`<section class="card narrow">${form(
    visit,
    `${here}/grants/copy`,
    html`<p><strong>${countOf(total, 'grant')} of ${other} would be added.</strong>${sourceGrants > total && ` It has the other ${(sourceGrants - total).toLocaleString('en')} already.`} Its other grants stay.</p>
<input type="hidden" name="from" value="${source.clientId}"><input type="hidden" name="from_version" value="${source.version}">
<ul class="lines">${first.map(({ role, type, id, name }) => html`<li><div><span class="strong">${named(name)}</span> <span class="muted">${typeInWords(type)} · <code class="wrap">${id}</code></span></div>${badge('plain', role)}</li>`)}</ul>
${total > first.length && html`<p class="muted">And ${(total - first.length).toLocaleString('en')} more.</p>`}
<div class="buttons"><button class="primary">Add ${countOf(total, 'grant')}</button>${cancel}</div>`,
  )}</section>`
}
