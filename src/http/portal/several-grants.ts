import type { GrantKey } from '../../domain/grant.ts'
import type { ResourceKey } from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import { select, tickOf } from './choices.ts'
import { countOf, keyIn, keyText } from './device-words.ts'
import { form } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import { addressOf } from './service-account-frame.ts'
import type { Portal, Redirect, Visit } from './visit.ts'

const PATH = '/portal/:realm/service-accounts/:clientId/permissions/grants'

/** Notices after an action, shown in the card of the grants. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['granted', 'Granted. The next token says so.'],
  ['had', 'It already has that role there: nothing was changed.'],
  ['removed', 'Removed. The next token says so.'],
])

/** Query parameters that stay when a role is granted or removed. */
const KEPT = ['find', 'from', 'filter', 'after', 'back', 'each']

/** Redirects to the grants as they were shown. @param done the action, the number requested and the number changed */
export function backToGrants(visit: Visit, clientId: string, done: string): Redirect {
  const { searchParams: page } = new URL(visit.page, 'http://portal')
  const kept = KEPT.map((name): [string, string] => [name, page.get(name) ?? ''])
  const back = new URLSearchParams([['done', done], ...kept.filter(([, it]) => it)])
  return { redirect: `${addressOf(visit, clientId)}/permissions?${back}#grants` }
}

export function doneInWords(done: string): string | undefined {
  const [, verb, changed = '', same = ''] = /^(granted|removed)-(\d{1,5})-(\d{1,5})$/.exec(done) ?? []
  if (verb === undefined) return DONE.get(done)
  const others = verb === 'granted' ? 'it had already' : 'it had no more'
  const rest = Number(same) > 0 ? ` ${countOf(Number(same), 'grant')} ${others}.` : ''
  const what = `${countOf(Number(changed), 'grant')} ${verb === 'granted' ? 'added' : 'removed'}.`
  return `${what}${rest}${Number(changed) > 0 ? ' The next token says so.' : ''}`
}

/** Ticks a hit for the form below the hits. */
export function grantBox(
  visit: Visit,
  clientId: string,
  resource: ResourceKey & { readonly name: string },
): Html {
  const tick = { name: 'resource', value: keyText(resource), label: `Tick ${resource.name}` }
  return tickOf(additionAddress(visit, clientId), 'grant-several', tick)
}

function additionAddress(visit: Visit, clientId: string): string {
  return `${addressOf(visit, clientId)}/permissions/grants/add-several`
}

export function grantForm(visit: Visit, clientId: string, roles: readonly string[]): Html {
  return html`<div class="bulk">${form(
    visit,
    additionAddress(visit, clientId),
    html`<label for="several-role">On ticked ones</label>${select(
      'role',
      roles.map((role) => [role, role]),
      { label: 'Role', attributes: html` id="several-role"` },
    )}
<button class="small">${icon('plus')}Grant on all ticked</button>`,
    html` id="grant-several"`,
  )}</div>`
}

/** Ticks a grant for the form below the grants. */
export function removalBox(
  visit: Visit,
  clientId: string,
  { role, type, id, name }: GrantKey & { readonly name: string },
): Html {
  const tick = { name: 'grant', value: `${role}/${type}/${id}`, label: `Tick ${role} on ${name}` }
  return tickOf(removalAddress(visit, clientId), 'remove-several', tick)
}

function removalAddress(visit: Visit, clientId: string): string {
  return `${addressOf(visit, clientId)}/permissions/grants/remove-several`
}

export function removalForm(visit: Visit, clientId: string): Html {
  return html`<div class="bulk">${form(
    visit,
    removalAddress(visit, clientId),
    html`<button class="small danger-text">${icon('x-mark')}Remove all ticked</button>`,
    html` id="remove-several"`,
  )}</div>`
}

/** Ways to grant more than a search finds. */
export function moreWays(visit: Visit, clientId: string): Html {
  const here = `${addressOf(visit, clientId)}/permissions/grants`
  return html`<p class="bulk"><a class="button small" href="${here}/paste">${icon('clipboard')}Paste ids</a><a class="button small" href="${here}/copy">${icon('users')}Copy from another account</a></p>`
}

export function severalGrantsActions(portal: Portal, { grants }: Pick<Operations, 'grants'>): void {
  portal.action(`${PATH}/add-several`, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const wanted = sent.getAll('resource').flatMap((text) => keyIn(text) ?? [])
    if (wanted.length === 0)
      throw new Refusal('invalid', 'Tick the resources to grant the role on.', 'resource')
    const role = sent.get('role')
    const all = wanted.map(({ type, id }) => ({ role, type, id }))
    const added = await grants.addAll(visit.actor, visit.realm, clientId, all)
    return backToGrants(visit, clientId, `granted-${added}-${all.length - added}`)
  })

  portal.action(`${PATH}/remove-several`, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const all = sent.getAll('grant').flatMap(grantIn)
    if (all.length === 0) throw new Refusal('invalid', 'Tick the grants to remove.', 'grant')
    const removed = await grants.removeAll(visit.actor, visit.realm, clientId, all)
    return backToGrants(visit, clientId, `removed-${removed}-${all.length - removed}`)
  })
}

/** A role has no slash. */
function grantIn(text: string): GrantKey[] {
  const at = text.indexOf('/')
  const key = keyIn(text.slice(at + 1))
  return key && at > 0 ? [{ role: text.slice(0, at), ...key }] : []
}
