import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { field, form } from './elements.ts'
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
    try {
      await operations.accounts.update(visit.actor, visit.realm, clientId, update)
      return { redirect: `${addressOf(visit, clientId)}?done=saved` }
    } catch (error) {
      if (!(error instanceof Refusal) || error.field !== 'jwks_uri') throw error
      const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
      return {
        ...page(visit, account, { typed, refusal: error }),
        status: error.code === 'invalid' ? 400 : 409,
      }
    }
  })
}

interface Typed {
  readonly typed: string
  readonly refusal: Refusal
}

function page(visit: Visit, account: ServiceAccount, sent?: Typed): Page {
  const here = addressOf(visit, account.clientId)
  return {
    ...about(visit, account, 'Published keys'),
    help: 'client-keys#publish-the-keys-instead-of-uploading-them',
    ...(sent && { settleAt: `${here}/published-keys` }),
    body: html`<section class="card narrow">
${form(
  visit,
  `${here}/published-keys`,
  html`<input type="hidden" name="version" value="${account.version}">
${field('jwks_uri', 'Address of its keys (JWKS)', {
  value: sent?.typed ?? account.jwksUri ?? '',
  fault: sent?.refusal.message,
  hint: 'An https address. Keys that it rotates there are found by themselves. Empty: its keys are uploaded here.',
})}
${account.jwksUri !== undefined && html`<p class="hint">Once this changes, the tokens that it has got so far end.</p>`}
<div class="buttons"><button class="primary">Save</button><a class="button" href="${here}">Cancel</a></div>`,
)}
</section>`,
  }
}
