import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { field, form, saveButton, versionField } from './elements.ts'
import { html } from './html.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/published-keys'

/** Where a service account publishes its keys. */
export function publishedKeysScreen(portal: Portal, operations: Pick<Operations, 'accounts'>): void {
  portal.question(PATH, async (visit, { params }) =>
    page(visit, await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)),
  )

  portal.action(PATH, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const typed = sent.get('jwks_uri').trim()
    const update = { jwksUri: typed === '' ? null : typed, expectedVersion: Number(sent.get('version')) }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}?done=saved` }
  })
}

function page(visit: Visit, account: ServiceAccount): Page {
  const here = addressOf(visit, account.clientId)
  return {
    ...about(visit, account, 'Published keys'),
    help: 'client-keys#publish-the-keys-instead-of-uploading-them',
    body: html`<section class="card narrow">
${form(
  visit,
  `${here}/published-keys`,
  html`${versionField(account.version)}
${field('jwks_uri', 'Address of its keys (JWKS)', {
  value: account.jwksUri ?? '',
  hint: 'An https address. Rotated keys are picked up automatically. Empty: its keys are uploaded here.',
})}
${account.jwksUri !== undefined && html`<p class="hint">If you change this, all its tokens are revoked.</p>`}
<div class="buttons">${saveButton()}<a class="button" href="${here}">Cancel</a></div>`,
)}
</section>`,
  }
}
