import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { BUILT_IN_ROLES } from '../../domain/role.ts'
import type { Operations } from '../../operations/operations.ts'
import { atMost, copyable, field, form, notice, saveButton, textArea, versionField } from './elements.ts'
import type { Fields } from './form-fields.ts'
import { type Content, type Html, html, named } from './html.ts'
import { METHOD_NAMES } from './key-pair.ts'
import { quotaInWords, type UsedTokens, usedInWords } from './quota-fields.ts'
import { readList } from './realm-fields.ts'
import { meaningOf } from './role-meanings.ts'
import type { Portal, Visit } from './visit.ts'

const PATH = '/portal/:realm/settings'

/** Settings of the realm: read by all, changed within the policy of the platform. */
export function realmSettingsScreen(
  portal: Portal,
  operations: Pick<Operations, 'realms' | 'publishedRealms' | 'activity'>,
): void {
  portal.page(PATH, async (visit, { query }) => {
    const realm = await operations.realms.find(visit.actor, visit.realm)
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    const used = await operations.activity.usedNow(visit.actor, visit.realm)
    return {
      title: 'Realm settings',
      section: 'settings',
      body: html`${query('done') === 'saved' && notice('success', 'Saved. The next token says so.')}
<div class="split even"><div>${addresses(issuer, portal.publicUrl, visit.realm)}
${rolesCard(realm)}</div>
<div>${visit.mayChange ? changeCard(visit, realm) : undefined}${facts(realm, used)}</div></div>`,
    }
  })

  portal.action(PATH, async (visit, sent) => {
    const expectedVersion = sent.get('version')
    await operations.realms.update(visit.actor, visit.realm, { ...readSettings(sent), expectedVersion })
    return { redirect: `/portal/${visit.realm}/settings?done=saved` }
  })
}

/** @throws Refusal `invalid` */
function readSettings(sent: Fields) {
  const lifetime = sent.get('token_lifetime_seconds').trim()
  if (!/^\d{1,6}$/.test(lifetime))
    throw new Refusal('invalid', 'Enter a whole number of seconds.', 'token_lifetime_seconds')
  return {
    displayName: sent.get('display_name').trim(),
    tokenLifetimeSeconds: Number(lifetime),
    audiences: readList(sent, 'audiences'),
    scopes: readList(sent, 'scopes'),
    roles: readList(sent, 'roles'),
  }
}

function addresses(issuer: string, publicUrl: string, realm: string): Html {
  const url = new URL(issuer)
  const path = url.pathname === '/' ? '' : url.pathname
  const all: readonly (readonly [string, string, string])[] = [
    ['issuer', 'Issuer', issuer],
    ['token-url', 'Token endpoint', `${issuer}/protocol/openid-connect/token`],
    ['metadata-url', 'Metadata', `${url.origin}/.well-known/oauth-authorization-server${path}`],
    ['jwks-url', 'Keys (JWKS)', `${issuer}/protocol/openid-connect/certs`],
    ['introspection-url', 'Introspection', `${issuer}/protocol/openid-connect/token/introspect`],
    ['revocation-url', 'Revocation', `${issuer}/protocol/openid-connect/revoke`],
    ['admin-url', 'Admin API', `${publicUrl}/admin/realms/${realm}`],
  ]
  return html`<section class="card"><h2>Addresses</h2><dl class="facts">${all.map(
    ([id, name, address]) => html`<dt>${name}</dt><dd>${copyable(id, name, address)}</dd>`,
  )}</dl></section>`
}

function rolesCard({ roles }: Realm): Html {
  return html`<section class="card"><h2>Roles</h2><dl class="facts">${[...BUILT_IN_ROLES, ...roles].map(
    (role) => html`<dt>${named(role)}</dt><dd>${meaningOf(role)}</dd>`,
  )}</dl></section>`
}

function changeCard(visit: Visit, realm: Realm): Html {
  const lines = (values: readonly string[]) => ({
    value: values.join('\n'),
    rows: Math.max(3, Math.min(values.length, 8)),
  })
  return html`<section class="card"><h2>Change</h2>${form(
    visit,
    `/portal/${visit.realm}/settings`,
    html`${versionField(realm.version)}
${field('display_name', 'Display name', { value: realm.displayName, attributes: atMost(200) })}
${field('token_lifetime_seconds', 'Lifetime of tokens, in seconds', { value: String(realm.tokenLifetimeSeconds), attributes: html`required inputmode="numeric"` })}
${textArea('audiences', 'Audiences', { ...lines(realm.audiences), hint: 'One on a line; the first is the usual one. None: tokens are for the issuer.' })}
${textArea('scopes', 'Scopes', { ...lines(realm.scopes), hint: 'One on a line.' })}
${textArea('roles', 'Roles of this realm', { ...lines(realm.roles), hint: 'One on a line, beside the built-in ones. One that an account has cannot go.' })}
<div class="buttons">${saveButton()}</div>
<p class="hint">Within what the operator of this server allows.</p>`,
  )}</section>`
}

function facts(realm: Realm, used: UsedTokens): Html {
  const { serviceAccountCount: count, serviceAccountLimit: limit } = realm
  const list = (values: readonly string[]): Content =>
    values.length === 0 ? html`<span class="muted">none</span>` : values.join(', ')
  return html`<section class="card"><h2>As it is</h2><dl class="facts">
<dt>Service accounts</dt><dd>${count.toLocaleString('en')} of ${limit.toLocaleString('en')}</dd>
<dt>Quota of tokens</dt><dd>${realm.quota ? quotaInWords(realm.quota) : html`<span class="muted">none</span>`}<p class="muted">${usedInWords(realm.quota, used)}</p></dd>
<dt>Lifetime of tokens</dt><dd>${realm.tokenLifetimeSeconds} seconds</dd>
<dt>Audiences</dt><dd class="wrap">${list(realm.audiences)}</dd>
<dt>Scopes</dt><dd class="wrap">${list(realm.scopes)}</dd>
<dt>Accounts authenticate with</dt><dd>${list(realm.allowedAuthMethods.map((method) => METHOD_NAMES[method]))}</dd>
<dt>Types of resources</dt><dd class="wrap">${list(['device', 'device_group', ...realm.resourceTypes])}</dd>
<dt>Signs with</dt><dd>${realm.algorithm}, a new key every ${Math.round(realm.keyRotationSeconds / 86_400)} days</dd>
<dt>A leaked secret</dt><dd>${realm.leakedSecretAction}</dd>
<dt>Activity is kept</dt><dd>${realm.auditRetentionDays === null ? 'as long as that of the platform' : `for ${realm.auditRetentionDays} days`}</dd>
</dl><p class="hint">Change other settings by the admin API or the command line. Only the operator of this server changes the limit of accounts and the quota.</p></section>`
}
