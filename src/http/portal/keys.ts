import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { ACTIVATION_MARGIN_SECONDS } from '../../domain/signing-key.ts'
import type { Operations } from '../../operations/operations.ts'
import type { PublishedKey } from '../../operations/realms/signing-keys.ts'
import { badge, confirmation, notice, type Tone } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { when } from './times.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'realms' | 'signingKeys' | 'publishedRealms'>

const STATES = { current: 'success', next: 'info', retired: 'plain' } satisfies Record<
  PublishedKey['state'],
  Tone | 'plain'
>

const DONE: ReadonlyMap<string, string> = new Map([
  ['rotated', 'The next key is published. It signs once every cache of the JWKS has it.'],
  ['revoked', 'The key is revoked: tokens that it signed are refused at the next look at the JWKS.'],
])

/** Signing keys of the realm. */
export function keysScreen(portal: Portal, operations: Deps): void {
  portal.page('/portal/:realm/keys', async (visit, { query }) => {
    const keys = await operations.signingKeys.list(visit.actor, visit.realm)
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    const done = DONE.get(query('done'))
    return {
      title: 'Keys',
      section: 'keys',
      actions:
        visit.mayChange &&
        html`<a class="button primary" href="/portal/${visit.realm}/keys/rotate">${icon('arrow-path')}Rotate</a>`,
      body: html`${done && notice('success', done)}
<p class="lead">Tokens are signed with the current key. It is replaced every ${days(realm.keyRotationSeconds)}, and the next one is published ${days(realm.keyPublishSeconds)} before it signs. You need not do anything.</p>
${table(visit, keys, realm)}
<p class="hint">Resource servers find them at <code class="wrap">${issuer}/protocol/openid-connect/certs</code></p>`,
    }
  })

  rotation(portal, operations)
  revocation(portal, operations)
}

function rotation(portal: Portal, operations: Deps): void {
  portal.question('/portal/:realm/keys/rotate', async (visit) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    return {
      title: 'Rotate the key',
      section: 'keys',
      trail: [['Keys', `/portal/${visit.realm}/keys`]],
      body: confirmation(visit, {
        action: `/portal/${visit.realm}/keys/rotate`,
        button: 'Rotate',
        cancel: `/portal/${visit.realm}/keys`,
        content: html`<p>The next key is published now, and signs once every cache of the JWKS can know it: after ${Math.ceil((realm.jwksMaxAgeSeconds + ACTIVATION_MARGIN_SECONDS) / 60)} minutes. Tokens that the current key has signed stay valid until they expire. No client is interrupted.</p>`,
      }),
    }
  })

  portal.action('/portal/:realm/keys/rotate', async (visit) => {
    await operations.signingKeys.rotate(visit.actor, visit.realm)
    return { redirect: `/portal/${visit.realm}/keys?done=rotated` }
  })
}

function revocation(portal: Portal, operations: Deps): void {
  const path = '/portal/:realm/keys/:kid/revoke'

  portal.question(path, async (visit, { params }) => {
    const keys = await operations.signingKeys.list(visit.actor, visit.realm)
    if (!keys.some(({ kid }) => kid === params['kid']))
      throw new Refusal('not_found', 'There is no such key any more.')
    return revokePage(visit, params['kid'] as string)
  })

  portal.action(path, async (visit, _sent, { params }) => {
    await operations.signingKeys.revoke(visit.actor, visit.realm, params['kid'] as string)
    return { redirect: `/portal/${visit.realm}/keys?done=revoked` }
  })
}

function revokePage(visit: Visit, kid: string): Page {
  return {
    title: 'Revoke the key',
    section: 'keys',
    trail: [['Keys', `/portal/${visit.realm}/keys`]],
    body: confirmation(visit, {
      action: `/portal/${visit.realm}/keys/${encodeURIComponent(kid)}/revoke`,
      button: 'Revoke at once',
      danger: true,
      cancel: `/portal/${visit.realm}/keys`,
      content: html`<p>Key <code class="wrap">${kid}</code> is dropped at once, and another takes its place. <strong>Every token that it signed is refused</strong> wherever it is checked against a fresh JWKS; service accounts get new ones by themselves.</p>
<p class="hint">This is for a key that may be in the wrong hands. Otherwise rotate it.</p>`,
    }),
  }
}

function table(visit: Visit, keys: readonly PublishedKey[], realm: Realm): Html {
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>kid</th><th>Algorithm</th><th>State</th><th>What comes next</th>${visit.mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${keys.map(
    (key) => html`<tr>
<td data-label="kid"><code class="wrap">${key.kid}</code></td>
<td data-label="Algorithm">${key.algorithm}</td>
<td data-label="State">${badge(STATES[key.state], key.state)}</td>
<td data-label="What comes next">${future(visit, key, realm)}</td>
${visit.mayChange && html`<td class="row-actions"><a class="button small danger-text" href="/portal/${visit.realm}/keys/${key.kid}/revoke" aria-label="Revoke ${key.kid}">${icon('no-symbol')}Revoke</a></td>`}
</tr>`,
  )}</tbody></table></div>`
}

function future({ now }: Visit, key: PublishedKey, { keyRotationSeconds }: Realm): Html {
  const { state, publishedAt, activatesAt, activatedAt = publishedAt, retiredAt } = key
  switch (state) {
    case 'next':
      return html`Signs ${when(activatesAt, now)}`
    case 'current':
      return html`Signs since ${when(activatedAt, now)}<br>Rotates ${when(new Date(activatedAt.getTime() + keyRotationSeconds * 1000), now)}`
    case 'retired':
      return html`Retired ${when(retiredAt, now)}<br>Published until its last token has expired`
  }
}

function days(seconds: number): string {
  if (seconds < 3600) return `${Math.round(seconds / 60)} minutes`
  const [size, word] = seconds < 86_400 ? [3600, 'hour'] : [86_400, 'day']
  const count = Math.round(seconds / size)
  return count === 1 ? `1 ${word}` : `${count} ${word}s`
}
