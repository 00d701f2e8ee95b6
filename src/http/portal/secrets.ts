import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { ServiceAccountWithSecret } from '../../operations/accounts/new-service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { choices } from './choices.ts'
import { confirmation } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import { alreadyShown, isFirstTime, shownOnce } from './shown-once.ts'
import { when } from './times.ts'
import type { Asked, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'realms' | 'secrets' | 'publishedRealms' | 'portal'>

const PATH = '/portal/:realm/service-accounts/:clientId'
const HOUR_MILLISECONDS = 3_600_000

/** Choices for how long the old secret stays valid: hours and label. */
const OVERLAPS = [
  ['1', 'one hour'],
  ['24', 'one day'],
  ['168', 'one week'],
  ['720', 'thirty days'],
] as const

/** Reset Secret, and rotation with an overlap of two secrets. */
export function secretScreens(portal: Portal, operations: Deps): void {
  resetting(portal, operations)
  rotating(portal, operations)
  ending(portal, operations)
}

function accountOf({ accounts }: Deps, visit: Visit, { params }: Asked): Promise<ServiceAccount> {
  return accounts.find(visit.actor, visit.realm, params['clientId'] as string)
}

function resetting(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/reset-secret`, async (visit, asked) => {
    const account = await accountOf(operations, visit, asked)
    const valid = await operations.secrets.list(visit.actor, visit.realm, account.clientId)
    const content = html`<p>Issue a new secret for ${named(account.name)}?</p>
${resetWarning(valid.length)}
${valid.length === 1 && html`<p class="hint">To change over without interruption, <a href="${addressOf(visit, account.clientId)}/rotate-secret">rotate with overlap</a> instead.</p>`}`
    return {
      ...about(visit, account, 'Reset Secret'),
      help: 'get-a-token#change-a-secret-without-a-gap',
      body: questionForm(operations, visit, account, {
        verb: 'reset-secret',
        button: 'Reset Secret',
        danger: true,
        content,
      }),
    }
  })

  once(portal, operations, { verb: 'reset-secret', shown: 'reset' }, (visit, clientId) =>
    operations.secrets.reset(visit.actor, visit.realm, clientId),
  )
}

function resetWarning(valid: number): Html {
  if (valid === 0) return html`<p>No secret is valid now. The new one is shown once.</p>`
  const old = valid === 1 ? 'The old secret stops' : 'Both secrets of the rotation stop'
  return html`<p><strong>${old} working as soon as the new one is issued.</strong> The new one is shown once.</p>`
}

function rotating(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/rotate-secret`, async (visit, asked) => {
    const account = await accountOf(operations, visit, asked)
    const valid = await operations.secrets.list(visit.actor, visit.realm, account.clientId)
    // There is nothing to overlap with.
    if (valid.length === 0) return { redirect: `${addressOf(visit, account.clientId)}/reset-secret` }
    if (valid.length > 1) return { redirect: `${addressOf(visit, account.clientId)}?done=rotating` }
    const overlaps = OVERLAPS.map(([value, label]) => ({ value, label, isChosen: value === '24' }))
    const content = html`<p>A second secret is issued for ${named(account.name)}, and both work for a while, so that nothing is interrupted. The old one ends by itself, or earlier when you finish.</p>
${choices({ type: 'radio', name: 'hours', legend: 'The old secret goes on for' }, overlaps)}`
    return {
      ...about(visit, account, 'Rotate with overlap'),
      help: 'get-a-token#change-a-secret-without-a-gap',
      body: questionForm(operations, visit, account, {
        verb: 'rotate-secret',
        button: 'Issue a second secret',
        content,
      }),
    }
  })

  once(portal, operations, { verb: 'rotate-secret', shown: 'rotating' }, (visit, clientId, hours) => {
    const known = OVERLAPS.find(([value]) => value === hours)?.[0] ?? '24'
    const endsAt = new Date(visit.now.getTime() + Number(known) * HOUR_MILLISECONDS)
    return operations.secrets.startRotation(visit.actor, visit.realm, clientId, endsAt)
  })
}

function ending(portal: Portal, operations: Deps): void {
  const path = `${PATH}/secrets/:secretId/delete`

  portal.question(path, async (visit, asked) => {
    const account = await accountOf(operations, visit, asked)
    const here = addressOf(visit, account.clientId)
    const { secretId = '' } = asked.params
    const secrets = await operations.secrets.list(visit.actor, visit.realm, account.clientId)
    const secret = secrets.find(({ id }) => id === secretId)
    if (!secret) throw new Refusal('not_found', 'There is no such secret any more.')
    const isNew = secret.expiresAt === undefined
    const content = html`<p>${isNew ? 'The new secret' : 'The old secret'} <code>…${secret.lastFour}</code> stops working at once; the other one goes on.</p>
<p class="hint">It was last used: ${when(secret.lastUsedAt, visit.now, 'never')}.</p>`
    return {
      ...about(visit, account, isNew ? 'Cancel the rotation' : 'Finish the rotation'),
      help: 'get-a-token#change-a-secret-without-a-gap',
      body: confirmation(visit, {
        action: `${here}/secrets/${encodeURIComponent(secretId)}/delete?end=${isNew ? 'new' : 'old'}`,
        button: isNew ? 'Drop the new secret' : 'End the old secret',
        danger: true,
        cancel: here,
        content,
      }),
    }
  })

  portal.action(path, async (visit, _sent, { params, query }) => {
    const { clientId = '', secretId = '' } = params
    await operations.secrets.delete(visit.actor, visit.realm, clientId, secretId)
    const done = query('end') === 'new' ? 'cancelled' : 'finished'
    return { redirect: `${addressOf(visit, clientId)}?done=${done}` }
  })
}

interface Question {
  readonly verb: string
  readonly button: string
  readonly danger?: boolean
  readonly content: Content
}

function questionForm(
  { portal }: Deps,
  visit: Visit,
  { clientId }: ServiceAccount,
  { verb, button, danger = false, content }: Question,
): Content {
  const here = addressOf(visit, clientId)
  const fields = html`<input type="hidden" name="form_id" value="${portal.newFormId()}">${content}`
  return confirmation(visit, { action: `${here}/${verb}`, button, danger, cancel: here, content: fields })
}

/** Makes a secret and shows it; sending the same form again does neither. */
function once(
  portal: Portal,
  operations: Deps,
  { verb, shown }: { readonly verb: string; readonly shown: 'reset' | 'rotating' },
  make: (visit: Visit, clientId: string, hours: string) => Promise<ServiceAccountWithSecret>,
): void {
  portal.action(`${PATH}/${verb}`, async (visit, sent, { params }): Promise<Page> => {
    const { clientId = '' } = params
    // Before the change: a failure after it would lose the secret.
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    if (!(await isFirstTime(operations, visit, sent)))
      return alreadyShown(visit, `/${encodeURIComponent(clientId)}`)
    const { length } = await operations.secrets.list(visit.actor, visit.realm, clientId)
    const made = await make(visit, clientId, sent.get('hours'))
    return shownOnce(visit, made, { issuer, realm }, length === 0 ? 'first' : shown)
  })
}
