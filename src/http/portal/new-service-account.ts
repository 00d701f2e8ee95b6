import type { ClientKey } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import { accountFinder } from './account-finder.ts'
import { labelFields, readLabels, typedLabelsOf } from './account-labels.ts'
import { choices } from './choices.ts'
import { atMost, field, form, notice } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html } from './html.ts'
import { keyAdded, METHOD_HINTS, METHOD_NAMES, publicKeyField, readPastedKey } from './key-pair.ts'
import type { Page } from './layout.ts'
import {
  type Pattern,
  patternNotice,
  patternOf,
  permissionFields,
  readPermissions,
} from './new-account-permissions.ts'
import { atPastedIds } from './pasted-fields.ts'
import { alreadyShown, isFirstTime, shownOnce } from './shown-once.ts'
import type { Asked, Portal, Visit } from './visit.ts'

const TITLE = 'Service account created'

type Deps = Pick<Operations, 'realms' | 'accounts' | 'grants' | 'portal' | 'publishedRealms'>

/** Create → a unique name → Confirm. */
export function newServiceAccountScreen(portal: Portal, operations: Deps): void {
  const path = '/portal/:realm/service-accounts/create'

  portal.question(path, async (visit, asked) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const pattern = await patternOf(operations, visit, asked.query('like'))
    const finder = pattern ? undefined : await likeFinder(operations, visit, asked)
    const page = createForm(visit, { realm, pattern, formId: operations.portal.newFormId() })
    return { ...page, body: html`${page.body}${finder}` }
  })

  portal.action(path, async (visit, sent) => {
    // Before the change: a failure after it would lose the secret.
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    if (!(await isFirstTime(operations, visit, sent))) return alreadyShown(visit)
    return create(operations, visit, sent, issuer)
  })
}

async function create(operations: Deps, visit: Visit, sent: Fields, issuer: string): Promise<Page> {
  const realm = await operations.realms.find(visit.actor, visit.realm)
  const pattern = await patternOf(operations, visit, sent.get('like'))
  const like = readPermissions(sent, realm, pattern)
  const [name = '', description = ''] = ['name', 'description'].map((field) => sent.get(field))
  const asked = { ...like, name, description, metadata: readLabels(sent, like.metadata ?? {}) }
  const { accounts } = operations
  if (sent.get('auth_method') !== 'private_key_jwt') {
    const made = await accounts.create(visit.actor, visit.realm, asked).catch(atPastedIds)
    return shownOnce(visit, made, { issuer, realm }, 'created')
  }
  const key = readPastedKey(sent.get('public_key'))
  const made = await accounts.create(visit.actor, visit.realm, { ...asked, key }).catch(atPastedIds)
  return keyAdded(visit, { account: made.account, key: made.key as ClientKey }, { issuer, realm }, TITLE)
}

async function likeFinder(operations: Deps, visit: Visit, asked: Asked): Promise<Html> {
  const finder = { label: 'Make it like another account', choice: 'like' }
  return html`<section class="card narrow">${await accountFinder(visit, asked, operations, finder)}
<p class="hint">It then gets the roles, scopes, claims, limits and grants of that one.</p></section>`
}

/** Choice of an allowed method; hidden if the realm allows only one. */
function methodChoice({ allowedAuthMethods }: Realm): Content {
  // A workload identity is given to an account that is there.
  const offered = allowedAuthMethods.filter((method) => method !== 'federated')
  const [first, second] = offered
  if (second === undefined) return html`<input type="hidden" name="auth_method" value="${first}">`
  return choices(
    { type: 'radio', name: 'auth_method', legend: 'It authenticates with', refusedAs: 'auth_methods' },
    offered.map((method) => ({
      value: method,
      label: html`<strong>${METHOD_NAMES[method]}</strong>`,
      hint: METHOD_HINTS[method],
      isChosen: method === first,
    })),
  )
}

interface Fresh {
  readonly realm: Realm
  readonly pattern: Pattern | undefined
  readonly formId: string
}

function createForm(visit: Visit, { realm, pattern, formId }: Fresh): Page {
  const list = `/portal/${visit.realm}/service-accounts`
  const { serviceAccountCount: used, serviceAccountLimit: limit } = realm
  const isFull = used >= limit
  return {
    title: 'Create a service account',
    section: 'service-accounts',
    trail: [['Service Accounts', list]],
    body: html`<section class="card narrow">
${patternNotice(visit, pattern)}
${isFull && notice('danger', `${used} of ${limit} service accounts are used: the limit is reached. Delete one before you create another.`)}
${form(
  visit,
  `${list}/create`,
  html`<input type="hidden" name="form_id" value="${formId}">
${nameFields(pattern)}
${methodChoice(realm)}
${realm.allowedAuthMethods.includes('private_key_jwt') && publicKeyField()}
${permissionFields(realm, pattern)}
<p class="hint">Without another role, it starts with <strong>view</strong>. Its permissions page gives it more afterwards.</p>
<div class="buttons"><button class="primary"${isFull && html` disabled`}>Confirm</button><a class="button" href="${list}">Cancel</a></div>`,
  html` data-key-pair`,
)}
</section>`,
  }
}

function nameFields(pattern: Pattern | undefined): Html {
  return html`${field('name', 'Name', {
    hint: 'Unique within the realm. Say what uses it: “CI of the web shop”.',
    attributes: html`required ${atMost(100)}`,
  })}
${field('description', 'Description (optional)', { attributes: html`${atMost(500)}` })}
${labelFields(pattern ? typedLabelsOf(pattern.account) : { owner: '', tags: '' })}`
}
