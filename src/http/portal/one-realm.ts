import { issuerOf, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import type { RealmOverview } from '../../operations/realms/realm-overview.ts'
import { requireConfirmation, typeToConfirm } from './confirm-by-typing.ts'
import { confirmation, copyable, field, form, notice, saveButton, versionField } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { quotaFields, quotaInWords, readQuota, type UsedTokens } from './quota-fields.ts'
import { readWhole } from './realm-fields.ts'
import { openButton, REALMS, stateOf } from './realms.ts'
import { exact } from './times.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/realms/:name'

const DONE: ReadonlyMap<string, string> = new Map([
  ['created', 'The realm is created, with a signing key. Open it to create its first service account.'],
  ['saved', 'Saved.'],
])

/** One realm, for platform administrators: what is theirs alone to decide, and its end. */
export function oneRealmScreen(
  portal: Portal,
  { realms, activity }: Pick<Operations, 'realms' | 'activity'>,
): void {
  portal.page(PATH, async (visit, { params, query }) => {
    const overview = await realms.findOverview(visit.actor, params['name'] as string)
    const { realm } = overview
    const used = await activity.usedNow(visit.actor, realm.name)
    const done = DONE.get(query('done'))
    return {
      ...about(realm.name),
      actions: openButton(visit, realm),
      body: html`${done && notice('success', done)}
<div class="split even"><div>${facts(overview, portal.publicUrl)}</div><div>${limitsCard(visit, overview, used)}${endCard(realm.name)}</div></div>`,
    }
  })

  portal.action(PATH, async (visit, sent, { params }) => {
    const name = params['name'] as string
    const serviceAccountLimit = readWhole(sent, 'service_account_limit')
    if (serviceAccountLimit === undefined)
      throw new Refusal('invalid', 'Enter a whole number.', 'service_account_limit')
    const quota = readQuota(sent)
    await realms.update(visit.actor, name, {
      serviceAccountLimit,
      ...(quota !== undefined && { quota }),
      expectedVersion: sent.get('version'),
    })
    return { redirect: `${REALMS}/${name}?done=saved` }
  })

  portal.question(`${PATH}/delete`, async (visit, { params }) =>
    question(visit, await realms.findOverview(visit.actor, params['name'] as string)),
  )

  portal.action(`${PATH}/delete`, async (visit, sent, { params }) => {
    const overview = await realms.findOverview(visit.actor, params['name'] as string)
    const { name } = overview.realm
    requireConfirmation(sent, name, 'That is not its name.')
    await realms.delete(visit.actor, name)
    return { redirect: `${REALMS}?done=deleted` }
  })
}

function about(name: string): Omit<Page, 'body'> {
  return { title: name, section: 'realms', trail: [['Realms', REALMS]] }
}

function facts(overview: RealmOverview, publicUrl: string): Html {
  const { realm } = overview
  const { serviceAccountCount: used, serviceAccountLimit: limit, quota } = realm
  const list = (values: readonly string[]): Content =>
    values.length === 0 ? html`<span class="muted">none</span>` : values.join(', ')
  return html`<section class="card"><h2>As it is</h2><dl class="facts">
<dt>State</dt><dd>${stateOf(overview)}</dd>
<dt>Issuer</dt><dd>${copyable('issuer', 'issuer', issuerOf(publicUrl, realm.name))}</dd>
<dt>Display name</dt><dd>${realm.displayName === '' ? html`<span class="muted">none</span>` : named(realm.displayName)}</dd>
<dt>Service accounts</dt><dd>${used.toLocaleString('en')} of ${limit.toLocaleString('en')}</dd>
<dt>Quota of tokens</dt><dd>${quota === null ? html`<span class="muted">none</span>` : quotaInWords(quota)}</dd>
<dt>Lifetime of tokens</dt><dd>${realm.tokenLifetimeSeconds} seconds</dd>
<dt>Audiences</dt><dd class="wrap">${list(realm.audiences)}</dd>
<dt>Scopes</dt><dd class="wrap">${list(realm.scopes)}</dd>
<dt>Signs with</dt><dd>${realm.algorithm}, a new key every ${Math.round(realm.keyRotationSeconds / 86_400)} days</dd>
<dt>Created</dt><dd>${exact(realm.createdAt)}</dd>
</dl></section>`
}

function limitsCard(visit: Visit, { realm }: RealmOverview, used: UsedTokens): Html {
  return html`<section class="card"><h2>Limits</h2>${form(
    visit,
    `${REALMS}/${realm.name}`,
    html`${versionField(realm.version)}
${field('service_account_limit', 'Service accounts that it may have', {
  value: String(realm.serviceAccountLimit),
  attributes: html`required inputmode="numeric"`,
})}
${quotaFields(realm.quota, used, 'all its accounts together')}
<p class="hint">Only platform administrators change these. Other settings: open the realm, then Realm settings.</p>
<div class="buttons">${saveButton()}</div>`,
  )}</section>`
}

function endCard(name: string): Content {
  if (name === SYSTEM_REALM) return undefined
  return html`<section class="card"><h2>End of the realm</h2>
<p>To stop one service account, open the realm and disable that account. A realm as a whole can only be deleted.</p>
<p><a class="button danger-text" href="${REALMS}/${name}/delete">${icon('trash')}Delete the realm</a></p></section>`
}

function question(visit: Visit, { realm }: RealmOverview): Page {
  const { name, serviceAccountCount: used } = realm
  const content = html`<p>Delete the realm <code>${name}</code> with its ${used.toLocaleString('en')} service accounts, its keys and its resources?</p>
<p><strong>Deletion is immediate.</strong> No token of the realm is valid any more, its issuer and its keys are gone, and everybody who is signed in to it is signed out. It cannot be undone. Lines of its audit trail stay.</p>
${typeToConfirm(html`To confirm, type its name: <strong>${name}</strong>`)}`
  const here = `${REALMS}/${name}`
  return {
    ...about(name),
    title: `Delete ${name}`,
    trail: [
      ['Realms', REALMS],
      [name, here],
    ],
    body: confirmation(visit, {
      action: `${here}/delete`,
      button: 'Delete',
      danger: true,
      cancel: here,
      content,
    }),
  }
}
