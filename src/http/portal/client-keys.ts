import type { ClientKey } from '../../domain/client-key.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { choice, choices } from './choices.ts'
import { titleOf } from './client-keys-card.ts'
import { atMost, confirmation, field, form, saveButton, versionField } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import { keyAdded, publicKeyField, readPastedKey } from './key-pair.ts'
import type { Page } from './layout.ts'
import { about, addressOf } from './service-account-frame.ts'
import { when } from './times.ts'
import type { Asked, Fields, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'accounts' | 'realms' | 'clientKeys' | 'publishedRealms'>

const PATH = '/portal/:realm/service-accounts/:clientId'

const DAY_MILLISECONDS = 86_400_000

/** In how many days a key may end by itself. */
const LIFETIMES = [
  ['30', 'in 30 days'],
  ['90', 'in 90 days'],
  ['365', 'in a year'],
] as const

/** Public keys of a service account: adding, changing and deleting them. */
export function clientKeyScreens(portal: Portal, operations: Deps): void {
  adding(portal, operations)
  changing(portal, operations)
  deletion(portal, operations)
}

function adding(portal: Portal, operations: Deps): void {
  const path = `${PATH}/keys/add`

  portal.question(path, async (visit, { params }) =>
    addPage(visit, await accountOf(operations, visit, params)),
  )

  portal.action(path, async (visit, sent, { params }) => {
    const { clientId = '' } = params
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const expiresAt = endOf(visit, sent.get('expires')) ?? undefined
    const asked = { ...readPastedKey(sent.get('public_key')), name: sent.get('name'), expiresAt }
    const added = await operations.clientKeys.add(visit.actor, visit.realm, clientId, asked)
    return keyAdded(visit, added, { issuer, realm }, 'Key added')
  })
}

function addPage(visit: Visit, account: ServiceAccount): Page {
  const here = addressOf(visit, account.clientId)
  return {
    ...about(visit, account, 'Add a key'),
    help: 'client-keys#rotate-a-key-without-a-gap',
    body: html`<section class="card narrow">
${form(
  visit,
  `${here}/keys/add`,
  html`${publicKeyField()}
${field('name', 'Name (optional)', { hint: 'Say where its private key is: “build server 2”.', attributes: html`${atMost(100)}` })}
${lifetimes([['', 'never'], ...LIFETIMES])}
<div class="buttons"><button class="primary">Add</button><a class="button" href="${here}">Cancel</a></div>`,
  html` data-key-pair`,
)}
</section>`,
  }
}

function changing(portal: Portal, operations: Deps): void {
  const path = `${PATH}/keys/:thumbprint`

  portal.question(path, async (visit, asked) => {
    const { account, key } = await keyOf(operations, visit, asked)
    return changePage(visit, account, key)
  })

  portal.action(path, async (visit, sent, asked) => {
    const { account, key } = await keyOf(operations, visit, asked)
    await operations.clientKeys.update(visit.actor, visit.realm, account.clientId, {
      kid: key.kid,
      name: sent.get('name'),
      expiresAt: endOf(visit, sent.get('expires')),
      keepTokens: keepsTokens(sent),
      expectedVersion: Number(sent.get('version')),
    })
    return { redirect: `${addressOf(visit, account.clientId)}?done=saved` }
  })
}

function changePage(visit: Visit, account: ServiceAccount, key: ClientKey): Page {
  const here = addressOf(visit, account.clientId)
  const kept = key.expiresAt ? html`as it is: ${when(key.expiresAt, visit.now)}` : 'as it is: never'
  return {
    ...about(visit, account, 'Change a key'),
    help: 'client-keys#end-a-key',
    body: html`<section class="card narrow">
<dl class="facts"><dt>kid</dt><dd><code class="wrap">${key.kid}</code></dd><dt>Thumbprint</dt><dd><code class="wrap">${key.thumbprint}</code></dd></dl>
${form(
  visit,
  `${here}/keys/${key.thumbprint}`,
  html`${versionField(account.version)}
${field('name', 'Name', { value: key.name, attributes: html`${atMost(100)}` })}
${lifetimes([['', kept], ['never', 'never'], ...LIFETIMES, ['now', 'now: the next request that it signed is refused']])}
${keepTokensChoice()}
<div class="buttons">${saveButton()}<a class="button" href="${here}">Cancel</a></div>`,
)}
</section>`,
  }
}

function deletion(portal: Portal, operations: Deps): void {
  const path = `${PATH}/keys/:thumbprint/delete`

  portal.question(path, async (visit, asked) => {
    const { account, key } = await keyOf(operations, visit, asked)
    const here = addressOf(visit, account.clientId)
    const content = html`<p>Delete the key ${titleOf(key)}? <strong>The next request that it signed is refused.</strong></p>
<p class="hint">It was last used: ${when(key.lastUsedAt, visit.now, 'never')}.</p>
${keepTokensChoice()}`
    return {
      ...about(visit, account, 'Delete a key'),
      help: 'client-keys#end-a-key',
      body: confirmation(visit, {
        action: `${here}/keys/${key.thumbprint}/delete`,
        button: 'Delete',
        danger: true,
        cancel: here,
        content,
      }),
    }
  })

  portal.action(path, async (visit, sent, asked) => {
    const { account, key } = await keyOf(operations, visit, asked)
    const doomed = { kid: key.kid, keepTokens: keepsTokens(sent) }
    await operations.clientKeys.delete(visit.actor, visit.realm, account.clientId, doomed)
    return { redirect: `${addressOf(visit, account.clientId)}?done=key-deleted` }
  })
}

function accountOf({ accounts }: Deps, visit: Visit, params: Asked['params']): Promise<ServiceAccount> {
  return accounts.find(visit.actor, visit.realm, params['clientId'] as string)
}

/** By its thumbprint, which any address can hold as it is. @throws Refusal `not_found` */
async function keyOf(operations: Deps, visit: Visit, { params }: Asked) {
  const account = await accountOf(operations, visit, params)
  const keys = await operations.clientKeys.list(visit.actor, visit.realm, account.clientId)
  const key = keys.find(({ thumbprint }) => thumbprint === params['thumbprint'])
  if (!key) throw new Refusal('not_found', 'There is no such key any more.')
  return { account, key }
}

function lifetimes(offered: readonly (readonly [string, Content])[]): Html {
  return choices(
    { type: 'radio', name: 'expires', legend: 'It expires', refusedAs: 'expires_at' },
    offered.map(([value, label]) => ({ value, label, isChosen: value === '' })),
  )
}

/** `undefined`: as it is; `null`: never. */
function endOf({ now }: Visit, chosen: string): Date | null | undefined {
  if (chosen === 'never') return null
  if (chosen === 'now') return now
  const days = LIFETIMES.find(([value]) => value === chosen)?.[0]
  return days === undefined ? undefined : new Date(now.getTime() + Number(days) * DAY_MILLISECONDS)
}

function keepTokensChoice(): Html {
  return choice(
    { type: 'checkbox', name: 'keep_tokens', legend: 'Leave tokens valid' },
    {
      value: 'yes',
      label: 'Leave tokens valid',
      hint: 'Otherwise all tokens of the service account are revoked with the key.',
      isChosen: false,
    },
  )
}

function keepsTokens(sent: Fields): boolean {
  return sent.get('keep_tokens') === 'yes'
}
