import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { form } from './elements.ts'
import { html } from './html.ts'
import { atPastedIds, pastedFields, readPasted } from './pasted-fields.ts'
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
      help: 'roles-and-grants#many-grants',
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
      const wanted = readPasted(sent, realm)
      if (wanted.length === 0) throw new Refusal('invalid', 'Paste at least one id.', 'ids')
      const added = await operations.grants
        .addAll(visit.actor, visit.realm, clientId, wanted)
        .catch(atPastedIds)
      return backToGrants(visit, clientId, `granted-${added}-${wanted.length - added}`)
    },
    { bodyBytes: BODY_BYTES },
  )
}
