import { grantableRoles } from '../../domain/grant.ts'
import { pastedResources } from '../../domain/pasted-resources.ts'
import { resourceTypesOf } from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { typeInWords } from './device-words.ts'
import { form, textArea } from './elements.ts'
import { type Html, html } from './html.ts'
import { about, addressOf } from './service-account-frame.ts'
import { backToGrants } from './several-grants.ts'
import type { Portal } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/grants/paste'

/** Ids of ten thousand grants. */
const BODY_BYTES = 2 * 1024 * 1024

/** Grants a role on all devices of a pasted list, or on none of them. */
export function pasteGrantsScreen(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'accounts' | 'grants'>,
): void {
  portal.question(PATH, async (visit, { params }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const here = `${addressOf(visit, account.clientId)}/permissions`
    return {
      ...about(visit, account, 'Grant a role on pasted ids'),
      body: html`<section class="card narrow">${form(
        visit,
        `${here}/grants/paste`,
        html`${pastedFields(realm)}
<div class="buttons"><button class="primary">Grant</button><a class="button" href="${here}">Cancel</a></div>`,
      )}</section>`,
    }
  })

  portal.action(
    PATH,
    async (visit, sent, { params }) => {
      const { clientId = '' } = params
      const realm = await operations.realms.find(visit.actor, visit.realm)
      const resources = pastedResources(sent.get('ids'), sent.get('type'), realm)
      if (resources.length === 0) throw new Refusal('invalid', 'Paste at least one id.', 'ids')
      const wanted = resources.map((key) => ({ role: sent.get('role'), ...key }))
      const added = await operations.grants
        .addAll(visit.actor, visit.realm, clientId, wanted)
        .catch(atPastedIds)
      return backToGrants(visit, clientId, `granted-${added}-${wanted.length - added}`)
    },
    { bodyBytes: BODY_BYTES },
  )
}

/** What is wrong with an id is wrong with the list. */
export function atPastedIds(error: unknown): never {
  if (error instanceof Refusal && error.code === 'invalid' && error.field === 'id')
    throw new Refusal('invalid', `${error.message} Nothing was done.`, 'ids')
  throw error
}

/** A role, and what it is granted on. */
export function pastedFields(realm: Realm, chosen: { readonly none?: boolean } = {}): Html {
  const options = (values: readonly string[], words: (value: string) => string) =>
    values.map((value) => html`<option value="${value}">${words(value)}</option>`)
  return html`<div class="field"><label for="role">Role</label><select id="role" name="role">${options(grantableRoles(realm), (role) => role)}</select></div>
<div class="field"><label for="type">On</label><select id="type" name="type">${options(resourceTypesOf(realm), typeInWords)}</select></div>
${textArea('ids', chosen.none ? 'Ids (optional)' : 'Ids', {
  rows: chosen.none ? 3 : 10,
  hint: 'One on a line; an id of another type as type/id, like device_group/eu-edge. If one is unknown, nothing is done.',
})}`
}
