import { MAX_DETAILS_BYTES } from '../../domain/authorization-details.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { BUILT_IN_ROLES, PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { choices } from './choices.ts'
import { copyGrantsScreen } from './copy-grants.ts'
import { form, notice, roleBadges, saveButton, versionField } from './elements.ts'
import { grantActions, grantsCard } from './grants.ts'
import { type Html, html, named } from './html.ts'
import { introspectedAudiencesAction, introspectedAudiencesCard } from './introspected-audiences.ts'
import { pasteGrantsScreen } from './paste-grants.ts'
import { meaningOf } from './role-meanings.ts'
import { about, addressOf, tabs } from './service-account-frame.ts'
import { severalGrantsActions } from './several-grants.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'realms' | 'accounts' | 'tokens' | 'grants' | 'resources'>

const PATH = '/portal/:realm/service-accounts/:clientId/permissions'

const DONE: ReadonlyMap<string, string> = new Map([['saved', 'Saved. The next token says so.']])

/** Permissions page of one service account. */
export function permissionsScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, asked) => {
    const clientId = asked.params['clientId'] as string
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const preview = await previewOf(operations, visit, clientId)
    const done = DONE.get(asked.query('done'))
    return {
      ...about(visit, account),
      help: 'roles-and-grants',
      tab: 'Permissions',
      body: html`${done && notice('success', done)}
${tabs(visit, account, 'permissions')}
<div class="split even">
<div>${rolesCard(visit, account, realm)}
${introspectedAudiencesCard(visit, account, realm, portal.publicUrl)}
${await grantsCard(visit, { account, realm }, asked, operations)}</div>
<section class="card follow"><h2>What its token will contain</h2>
${preview}
<p class="hint">Times and <code>jti</code> are new in each token.</p></section>
</div>`,
    }
  })

  grantActions(portal, operations)
  severalGrantsActions(portal, operations)
  pasteGrantsScreen(portal, operations)
  copyGrantsScreen(portal, operations)
  introspectedAudiencesAction(portal, operations)

  portal.action(`${PATH}/roles`, async (visit, sent, { params }) => {
    const clientId = params['clientId'] as string
    const update = { roles: sent.getAll('role'), expectedVersion: Number(sent.get('version')) }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}/permissions?done=saved` }
  })
}

/** Claims of a token, or why there would be no token: this page is where that is fixed. */
async function previewOf(operations: Deps, visit: Visit, clientId: string): Promise<Html> {
  try {
    const claims = await operations.tokens.preview(visit.actor, visit.realm, clientId)
    const omitted =
      claims.authorization_details_omitted === true &&
      notice(
        'info',
        html`Its grants do not fit into a token, where they may take ${MAX_DETAILS_BYTES / 1024} KiB: <code>authorization_details_omitted</code> says so. Introspection tells all of them, or the client asks for some by <code>authorization_details</code>.`,
      )
    return html`${omitted}<pre tabindex="0" aria-label="Claims of the next token">${JSON.stringify(claims, undefined, 2)}</pre>`
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'limit_reached') throw error
    return notice('danger', `It gets no token: ${error.message}`)
  }
}

function rolesCard(visit: Visit, account: ServiceAccount, { roles }: Realm): Html {
  if (!visit.mayChange)
    return html`<section class="card"><h2>In the whole realm</h2><p>${roleBadges(account.roles)}</p></section>`
  // A role that only the platform gives stays if it is held, and is not offered otherwise.
  const kept = account.roles.filter((role) => role === PLATFORM_ADMIN)
  const choice = (role: string) => {
    const isChosen = account.roles.includes(role)
    const attributes = html` data-saved="${isChosen ? 'on' : 'off'}"`
    return {
      value: role,
      label: html`<strong>${named(role)}</strong>`,
      hint: meaningOf(role),
      isChosen,
      attributes,
    }
  }
  return html`<section class="card"><h2>In the whole realm</h2>
${form(
  visit,
  `${addressOf(visit, account.clientId)}/permissions/roles`,
  html`${versionField(account.version)}
${kept.map((role) => html`<input type="hidden" name="role" value="${role}">`)}
${choices({ type: 'checkbox', name: 'role', legend: 'Roles', isLegendUnseen: true, refusedAs: 'roles' }, [...BUILT_IN_ROLES, ...roles].map(choice))}
<p class="unsaved fault">These roles are not saved yet.</p>
<div class="buttons">${saveButton('Save roles')}</div>`,
  html` data-unsaved`,
)}</section>`
}
