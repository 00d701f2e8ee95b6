import type { AuthMethod, ClientKey } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { labelFields, readLabels } from './account-labels.ts'
import { atMost, field, form, notice } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import {
  isAboutKey,
  keyAdded,
  METHOD_HINTS,
  METHOD_NAMES,
  publicKeyField,
  readPastedKey,
} from './key-pair.ts'
import type { Page } from './layout.ts'
import { alreadyShown, isFirstTime, shownOnce } from './shown-once.ts'
import type { Portal, Visit } from './visit.ts'

const TITLE = 'Service account created'

const FIELDS = ['name', 'description', 'auth_method', 'public_key', 'owner', 'tags']

type Deps = Pick<Operations, 'realms' | 'accounts' | 'portal' | 'publishedRealms'>

/** Create → a unique name → Confirm. */
export function newServiceAccountScreen(portal: Portal, operations: Deps): void {
  const path = '/portal/:realm/service-accounts/create'

  portal.question(path, async (visit) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    return createForm(visit, realm, operations.portal.newFormId(), {})
  })

  portal.action(path, async (visit, sent) => {
    const [name = '', description = '', method = '', pasted = '', owner = '', tags = ''] = FIELDS.map((key) =>
      sent.get(key),
    )
    // Before the change: a failure after it would lose the secret.
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    if (!(await isFirstTime(operations, visit, sent))) return alreadyShown(visit)
    try {
      const asked = { name, description, metadata: readLabels(sent, {}) }
      if (method !== 'private_key_jwt')
        return shownOnce(
          visit,
          await operations.accounts.create(visit.actor, visit.realm, asked),
          issuer,
          'created',
        )
      const key = readPastedKey(pasted)
      const made = await operations.accounts.create(visit.actor, visit.realm, { ...asked, key })
      return keyAdded(visit, { account: made.account, key: made.key as ClientKey }, issuer, TITLE)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'forbidden') throw error
      const realm = await operations.realms.find(visit.actor, visit.realm)
      // A new, unsent form with the typed values.
      return createForm(visit, realm, operations.portal.newFormId(), {
        name,
        description,
        method,
        pasted,
        owner,
        tags,
        refusal: error,
      })
    }
  })
}

/** Choice of an allowed method; hidden if the realm allows only one. */
function methodChoice({ allowedAuthMethods }: Realm, chosen?: string): Content {
  // A workload identity is given to an account that is there.
  const offered = allowedAuthMethods.filter((method) => method !== 'federated')
  const [first, second] = offered
  if (second === undefined) return html`<input type="hidden" name="auth_method" value="${first}">`
  const choice = (method: AuthMethod) => html`<label class="choice described">
<input type="radio" name="auth_method" value="${method}"${method === (chosen || first) && html` checked`}>
<span><strong>${METHOD_NAMES[method]}</strong><span class="hint">${METHOD_HINTS[method]}</span></span></label>`
  return html`<fieldset><legend>It authenticates with</legend>${offered.map(choice)}</fieldset>`
}

interface Typed {
  readonly name?: string
  readonly description?: string
  readonly method?: string
  readonly pasted?: string
  readonly owner?: string
  readonly tags?: string
  readonly refusal?: Refusal
}

function createForm(visit: Visit, realm: Realm, formId: string, typed: Typed): Page {
  const { method, pasted = '', refusal } = typed
  const list = `/portal/${visit.realm}/service-accounts`
  const { serviceAccountCount: used, serviceAccountLimit: limit } = realm
  // Another administrator may have made room meanwhile.
  const full = refusal?.code === 'limit_reached' || used >= limit
  return {
    title: 'Create a service account',
    section: 'service-accounts',
    trail: [['Service Accounts', list]],
    ...(refusal && { settleAt: `${list}/create` }),
    status: refusal ? (refusal.code === 'invalid' ? 400 : 409) : 200,
    body: html`<section class="card narrow">
${refusal?.field === 'auth_methods' && notice('danger', refusal.message)}
${full && notice('danger', `${used} of ${limit} service accounts are used: the limit is reached. Delete one before you create another.`)}
${form(
  visit,
  `${list}/create`,
  html`<input type="hidden" name="form_id" value="${formId}">
${nameFields(typed)}
${methodChoice(realm, method)}
${realm.allowedAuthMethods.includes('private_key_jwt') && publicKeyField(pasted, refusal && isAboutKey(refusal) ? refusal.message : undefined)}
<p class="hint">It starts with the role <strong>view</strong>. Give it more on its permissions page afterwards.</p>
<div class="buttons"><button class="primary"${full && html` disabled`}>Confirm</button><a class="button" href="${list}">Cancel</a></div>`,
  html` data-key-pair`,
)}
</section>`,
  }
}

function nameFields({ name = '', description = '', owner = '', tags = '', refusal }: Typed): Html {
  const faultOf = (key: string) => (refusal?.field === key ? refusal.message : undefined)
  return html`${field('name', 'Name', {
    value: name,
    fault: faultOf('name'),
    hint: 'Unique within the realm. Say what uses it: “CI of the web shop”.',
    attributes: html`required ${atMost(100)}`,
  })}
${field('description', 'Description (optional)', {
  value: description,
  fault: faultOf('description'),
  attributes: html`${atMost(500)}`,
})}
${labelFields({ owner, tags }, faultOf)}`
}
