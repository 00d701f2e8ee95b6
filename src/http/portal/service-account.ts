import { type ClientKey, isKeyValid } from '../../domain/client-key.ts'
import type { OpenLeak } from '../../domain/leaked-secret.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { labelFields, labels, readLabels, typedLabelsOf } from './account-labels.ts'
import { limitsInWords } from './account-limits.ts'
import { keysCard } from './client-keys-card.ts'
import {
  atMost,
  badge,
  confirmation,
  copyable,
  field,
  form,
  leakBadge,
  notice,
  roleBadges,
  saveButton,
  stateBadge,
  versionField,
} from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { METHOD_NAMES, tokenByKeyCard } from './key-pair.ts'
import { leakNotices } from './leaks.ts'
import { secretsCard } from './secrets-card.ts'
import { about, addressOf, tabs } from './service-account-frame.ts'
import { type Asking, snippetsCard } from './snippets/snippets-card.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<
  Operations,
  'accounts' | 'realms' | 'secrets' | 'clientKeys' | 'publishedRealms' | 'leakedSecrets'
>

const PATH = '/portal/:realm/service-accounts/:clientId'

const DONE: ReadonlyMap<string, string> = new Map([
  ['saved', 'Saved.'],
  ['enabled', 'The service account is enabled: it gets tokens again.'],
  ['disabled', 'The service account is disabled: it gets no tokens until you enable it again.'],
  ['key-deleted', 'The key is deleted: the next request that it signed is refused.'],
  ['rotating', 'A rotation is under way already: finish or cancel it before you begin another.'],
  ['finished', 'The rotation is finished: the old secret no longer works.'],
  ['cancelled', 'The rotation is cancelled: the new secret no longer works, the old one goes on.'],
])

/** One service account and its actions. */
export function serviceAccountScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, { params, query }) => {
    const { clientId = '' } = params
    const account = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const secrets = await operations.secrets.list(visit.actor, visit.realm, clientId)
    const keys = await operations.clientKeys.list(visit.actor, visit.realm, clientId)
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const leaks = await operations.leakedSecrets.listOpen(visit.actor, visit.realm, clientId)
    const done = DONE.get(query('done'))
    return {
      ...about(visit, account),
      tab: 'Overview',
      actions: visit.mayChange && actions(visit, account),
      body: html`${done && notice('success', done)}
${tabs(visit, account, 'overview')}
${leakNotices(visit, account, leaks)}
${facts(visit, account, leaks[0])}
${secretsCard(visit, account, secrets)}
${keysCard(visit, account, keys)}
${visit.mayChange && detailsCard(visit, account)}
${tokenCards({ issuer, account, realm }, account, newestOf(keys, visit.now))}`,
    }
  })

  editing(portal, operations)
  states(portal, operations)
}

function editing(portal: Portal, operations: Deps): void {
  portal.action(PATH, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const [name = '', description = ''] = ['name', 'description'].map((key) => sent.get(key))
    const { metadata } = await operations.accounts.find(visit.actor, visit.realm, clientId)
    const expectedVersion = Number(sent.get('version'))
    const update = { name, description, metadata: readLabels(sent, metadata), expectedVersion }
    await operations.accounts.update(visit.actor, visit.realm, clientId, update)
    return { redirect: `${addressOf(visit, clientId)}?done=saved` }
  })
}

function states(portal: Portal, operations: Deps): void {
  portal.question(`${PATH}/disable`, async (visit, { params }) => {
    const account = await operations.accounts.find(visit.actor, visit.realm, params['clientId'] as string)
    const here = addressOf(visit, account.clientId)
    const content = html`<p>${named(account.name)} gets no more tokens until you enable it again. Tokens that it has already stop working at their next validation check.</p>`
    return {
      ...about(visit, account, 'Disable the service account'),
      body: confirmation(visit, {
        action: `${here}/disable`,
        button: 'Disable',
        danger: true,
        cancel: here,
        content,
      }),
    }
  })

  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    portal.action(`${PATH}/${verb}`, async (visit, _sent, { params }) => {
      const { clientId = '' } = params
      await operations.accounts.update(visit.actor, visit.realm, clientId, { enabled })
      return { redirect: `${addressOf(visit, clientId)}?done=${verb}d` }
    })
  }
}

/** How its programs get tokens, by each way in which it may authenticate. */
function tokenCards(asking: Asking, { clientId, authMethods }: ServiceAccount, key?: ClientKey): Content {
  const byKey = authMethods.includes('private_key_jwt')
  return [
    authMethods.includes('client_secret') && snippetsCard(asking, { kind: 'secret' }),
    byKey && tokenByKeyCard(asking.issuer, { clientId }),
    byKey && key && snippetsCard(asking, { kind: 'key', kid: key.kid, algorithm: key.algorithm }),
  ]
}

function newestOf(keys: readonly ClientKey[], now: Date): ClientKey | undefined {
  const valid = keys.filter((key) => isKeyValid(key, now))
  return valid.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())[0]
}

function actions(visit: Visit, account: ServiceAccount): Content {
  const here = addressOf(visit, account.clientId)
  const hasSecret = account.authMethods.includes('client_secret')
  return html`${hasSecret && html`<a class="button" href="${here}/reset-secret">${icon('arrow-path')}Reset Secret</a>`}
${
  account.disabledAt
    ? form(visit, `${here}/enable`, html`<button>${icon('check')}Enable</button>`)
    : html`<a class="button" href="${here}/disable">${icon('no-symbol')}Disable</a>`
}
<a class="button danger-text" href="${here}/delete">${icon('trash')}Delete</a>`
}

function facts(visit: Visit, account: ServiceAccount, leak: OpenLeak | undefined): Html {
  const { now, mayChange } = visit
  const { lastUsedAt, lastUsedAddress, lastUsedScope } = account
  return html`<section class="card"><dl class="facts">
<dt>client_id</dt><dd>${copyable('client-id', 'client_id', account.clientId)}</dd>
${account.description !== '' && html`<dt>Description</dt><dd>${named(account.description)}</dd>`}
${labels(visit.realm, account) !== undefined && html`<dt>Owner and tags</dt><dd>${labels(visit.realm, account)}</dd>`}
<dt>Role</dt><dd>${roleBadges(account.roles)}</dd>
<dt>Authenticates with</dt><dd><span class="badges">${account.authMethods.map((method) => badge('plain', METHOD_NAMES[method]))}</span>${mayChange && html` <a href="${addressOf(visit, account.clientId)}/auth-methods">Change<span class="unseen"> how it authenticates</span></a>`}</dd>
<dt>State</dt><dd>${stateBadge(account, now)}${leakBadge(leak)}${account.disabledAt && html` <span class="muted">since ${when(account.disabledAt, now)}</span>`}</dd>
<dt>Limits</dt><dd>${limitsInWords(visit, account)}</dd>
<dt>Created</dt><dd>${when(account.createdAt, now)}</dd>
<dt>Last used</dt><dd>${when(lastUsedAt, now)}${lastUsedAddress !== undefined && html` <span class="muted">from ${lastUsedAddress}${lastUsedScope && html`, scope ${lastUsedScope}`}</span>`}</dd>
</dl></section>`
}

function detailsCard(visit: Visit, account: ServiceAccount): Html {
  return html`<section class="card"><h2>Name, description, owner and tags</h2>
${form(
  visit,
  addressOf(visit, account.clientId),
  html`${versionField(account.version)}
${field('name', 'Name', { value: account.name, attributes: html`required ${atMost(100)}` })}
${field('description', 'Description', { value: account.description, attributes: html`${atMost(500)}` })}
${labelFields(typedLabelsOf(account))}
<div class="buttons">${saveButton('Save', false)}</div>`,
)}</section>`
}
