import type { AuthMethod, ClientKey } from '../../domain/client-key.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { accountFinder } from './account-finder.ts'
import { labelFields, readLabels, typedLabelsOf } from './account-labels.ts'
import { atMost, field, form, notice } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, Html, html } from './html.ts'
import {
  isAboutKey,
  keyAdded,
  METHOD_HINTS,
  METHOD_NAMES,
  publicKeyField,
  readPastedKey,
} from './key-pair.ts'
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
import { refill } from './typed-form.ts'
import type { Asked, Portal, Visit } from './visit.ts'

const TITLE = 'Service account created'

const FIELDS = ['name', 'description', 'auth_method', 'public_key', 'owner', 'tags']

type Deps = Pick<Operations, 'realms' | 'accounts' | 'grants' | 'portal' | 'publishedRealms'>

/** Create → a unique name → Confirm. */
export function newServiceAccountScreen(portal: Portal, operations: Deps): void {
  const path = '/portal/:realm/service-accounts/create'

  portal.question(path, async (visit, asked) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const pattern = await patternOf(operations, visit, asked.query('like'))
    const finder = pattern ? undefined : await likeFinder(operations, visit, asked)
    const page = createForm(visit, { realm, pattern, formId: operations.portal.newFormId() }, {})
    return { ...page, body: html`${page.body}${finder}` }
  })

  portal.action(path, async (visit, sent) => {
    // Before the change: a failure after it would lose the secret.
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    if (!(await isFirstTime(operations, visit, sent))) return alreadyShown(visit)
    try {
      return await create(operations, visit, sent, issuer)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'forbidden') throw error
      return formAfter(operations, visit, sent, error)
    }
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

/** A new, unsent form with the typed values. */
async function formAfter(operations: Deps, visit: Visit, sent: Fields, refusal: Refusal): Promise<Page> {
  const realm = await operations.realms.find(visit.actor, visit.realm)
  // The account that it was to be like may be gone.
  const pattern = await patternOf(operations, visit, sent.get('like')).catch(() => undefined)
  const [name = '', description = '', method = '', pasted = '', owner = '', tags = ''] = FIELDS.map((key) =>
    sent.get(key),
  )
  const formId = operations.portal.newFormId()
  const typed = { name, description, method, pasted, owner, tags, refusal }
  const page = createForm(visit, { realm, pattern, formId }, typed)
  const fault = refusal.field === 'ids' ? { field: 'ids', message: refusal.message } : undefined
  const action = `/portal/${visit.realm}/service-accounts/create`
  // The others have their values already, without what must not be shown again.
  const only = ['role', 'grant_role', 'grant_type', 'ids']
  const refilled = refill(String(html`${page.body}`), { action, sent, fault, only })
  return refilled ? { ...page, body: Html.trusted(refilled.text) } : page
}

async function likeFinder(operations: Deps, visit: Visit, asked: Asked): Promise<Html> {
  const finder = { label: 'Make it like another account', choice: 'like' }
  return html`<section class="card narrow">${await accountFinder(visit, asked, operations, finder)}
<p class="hint">It then gets the roles, scopes, claims, limits and grants of that one.</p></section>`
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

interface Fresh {
  readonly realm: Realm
  readonly pattern: Pattern | undefined
  readonly formId: string
}

function createForm(visit: Visit, { realm, pattern, formId }: Fresh, typed: Typed): Page {
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
${refusal && !full && !isShownAtField(refusal) && notice('danger', refusal.message)}
${patternNotice(visit, pattern)}
${full && notice('danger', `${used} of ${limit} service accounts are used: the limit is reached. Delete one before you create another.`)}
${form(
  visit,
  `${list}/create`,
  html`<input type="hidden" name="form_id" value="${formId}">
${nameFields(pattern ? { ...typedLabelsOf(pattern.account), ...typed } : typed)}
${methodChoice(realm, method)}
${realm.allowedAuthMethods.includes('private_key_jwt') && publicKeyField(pasted, refusal && isAboutKey(refusal) ? refusal.message : undefined)}
${permissionFields(realm, pattern, refusal !== undefined)}
<p class="hint">Without another role, it starts with <strong>view</strong>. Its permissions page gives it more afterwards.</p>
<div class="buttons"><button class="primary"${full && html` disabled`}>Confirm</button><a class="button" href="${list}">Cancel</a></div>`,
  html` data-key-pair`,
)}
</section>`,
  }
}

function isShownAtField(refusal: Refusal): boolean {
  return ['name', 'description', 'owner', 'tags', 'ids'].includes(refusal.field ?? '') || isAboutKey(refusal)
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
