import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { requireConfirmation, typeToConfirm, wasUsedLately } from './confirm-by-typing.ts'
import { confirmation } from './elements.ts'
import { html, named } from './html.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/delete'

/** Deletion of one account; of one that was used lately, its name has to be typed. */
export function accountDeletionScreen(portal: Portal, { accounts }: Pick<Operations, 'accounts'>): void {
  portal.question(PATH, async (visit, { params }) =>
    question(visit, await accounts.find(visit.actor, visit.realm, params['clientId'] as string)),
  )

  portal.action(PATH, async (visit, sent, { params }) => {
    const account = await accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const expected = wasUsedLately(account, visit.now) ? account.name : undefined
    requireConfirmation(sent, expected, 'That is not its name.')
    await accounts.delete(visit.actor, visit.realm, account.clientId)
    return { redirect: `/portal/${visit.realm}/service-accounts?done=deleted` }
  })
}

function question(visit: Visit, account: ServiceAccount): Page {
  const here = addressOf(visit, account.clientId)
  const content = html`<p>Delete ${named(account.name)}?</p>
<p><strong>Deletion is immediate.</strong> Any tokens minted from this service account stop working at their next validation check. It cannot be undone.</p>
<p class="hint">Last used: ${when(account.lastUsedAt, visit.now)}.</p>
${
  wasUsedLately(account, visit.now) &&
  typeToConfirm(
    html`It was used in the last 30 days. To confirm, type its name: <strong>${named(account.name)}</strong>`,
  )
}`
  return {
    ...about(visit, account, 'Delete the service account'),
    body: confirmation(visit, {
      action: `${here}/delete`,
      button: 'Delete',
      danger: true,
      cancel: here,
      content,
    }),
  }
}
