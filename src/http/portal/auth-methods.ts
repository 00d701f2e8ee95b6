import { AUTH_METHODS, type AuthMethod } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { type Choice, choices } from './choices.ts'
import { form, saveButton, versionField } from './elements.ts'
import { html } from './html.ts'
import { METHOD_HINTS, METHOD_NAMES } from './key-pair.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/auth-methods'

/** What an account loses with each method. */
const LOSSES = {
  client_secret: 'If removed, its secrets stop working at once.',
  private_key_jwt: 'If removed, its keys are ignored and all its tokens are revoked.',
  federated: 'If removed, its workload identities are ignored and all its tokens are revoked.',
} satisfies Record<AuthMethod, string>

/** By what a service account may authenticate. */
export function authMethodsScreen(portal: Portal, operations: Pick<Operations, 'accounts' | 'realms'>): void {
  portal.question(PATH, async (visit, { params }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    return page(visit, account, await operations.realms.find(visit.actor, visit.realm))
  })

  portal.action(PATH, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const authMethods = sent.getAll('auth_method')
    const update = { authMethods, expectedVersion: Number(sent.get('version')) }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}?done=saved` }
  })
}

function page(visit: Visit, account: ServiceAccount, realm: Realm): Page {
  const here = addressOf(visit, account.clientId)
  const offered = AUTH_METHODS.filter(
    (method) => realm.allowedAuthMethods.includes(method) || account.authMethods.includes(method),
  )
  const choice = (method: AuthMethod): Choice => {
    const isChosen = account.authMethods.includes(method)
    return {
      value: method,
      label: html`<strong>${METHOD_NAMES[method]}</strong>`,
      hint: html`${METHOD_HINTS[method]} ${isChosen && LOSSES[method]}`,
      isChosen,
    }
  }
  return {
    ...about(visit, account, 'How it authenticates'),
    help: 'client-keys#how-an-account-may-authenticate',
    body: html`<section class="card narrow">
${form(
  visit,
  `${here}/auth-methods`,
  html`${versionField(account.version)}
${choices({ type: 'checkbox', name: 'auth_method', legend: 'It may authenticate with', refusedAs: 'auth_methods' }, offered.map(choice))}
<div class="buttons">${saveButton()}<a class="button" href="${here}">Cancel</a></div>`,
)}
</section>`,
  }
}
