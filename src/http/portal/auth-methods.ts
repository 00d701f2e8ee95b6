import { AUTH_METHODS, type AuthMethod } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { form, notice } from './elements.ts'
import { type Html, html } from './html.ts'
import { METHOD_HINTS, METHOD_NAMES } from './key-pair.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/auth-methods'

/** What an account loses with each method. */
const LOSSES = {
  client_secret: 'Taken away, its secrets stop working at once.',
  private_key_jwt: 'Taken away, its keys no longer count, and the tokens that it has got so far end.',
  federated:
    'Taken away, its workload identities no longer count, and the tokens that it has got so far end.',
} satisfies Record<AuthMethod, string>

/** By what a service account may authenticate. */
export function authMethodsScreen(portal: Portal, operations: Pick<Operations, 'accounts' | 'realms'>): void {
  const pageOf = async (visit: Visit, clientId: string, refusal?: Refusal): Promise<Page> => {
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    return page(visit, account, await operations.realms.find(visit.actor, visit.realm), refusal)
  }

  portal.question(PATH, (visit, { params }) => pageOf(visit, params['clientId'] as string))

  portal.action(PATH, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const authMethods = sent.getAll('auth_method')
    const update = { authMethods, expectedVersion: Number(sent.get('version')) }
    try {
      await operations.accounts.update(visit.actor, visit.realm, clientId, update)
      return { redirect: `${addressOf(visit, clientId)}?done=saved` }
    } catch (error) {
      if (!(error instanceof Refusal) || error.field !== 'auth_methods') throw error
      return { ...(await pageOf(visit, clientId, error)), status: 400 }
    }
  })
}

function page(visit: Visit, account: ServiceAccount, realm: Realm, refusal?: Refusal): Page {
  const here = addressOf(visit, account.clientId)
  const offered = AUTH_METHODS.filter(
    (method) => realm.allowedAuthMethods.includes(method) || account.authMethods.includes(method),
  )
  const choice = (method: AuthMethod): Html => html`<label class="choice described">
<input type="checkbox" name="auth_method" value="${method}"${account.authMethods.includes(method) && html` checked`}>
<span><strong>${METHOD_NAMES[method]}</strong><span class="hint">${METHOD_HINTS[method]} ${account.authMethods.includes(method) && LOSSES[method]}</span></span></label>`
  return {
    ...about(visit, account, 'How it authenticates'),
    help: 'client-keys#how-an-account-may-authenticate',
    ...(refusal && { settleAt: `${here}/auth-methods` }),
    body: html`<section class="card narrow">
${refusal && notice('danger', refusal.message)}
${form(
  visit,
  `${here}/auth-methods`,
  html`<input type="hidden" name="version" value="${account.version}">
<fieldset><legend>It may authenticate with</legend>${offered.map(choice)}</fieldset>
<div class="buttons"><button class="primary">Save</button><a class="button" href="${here}">Cancel</a></div>`,
)}
</section>`,
  }
}
