import { pathText } from '../../domain/claim-rule.ts'
import { presetOf } from '../../domain/federation-presets.ts'
import { audiencesOf, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { SourceState } from '../../operations/federation/fetched-keys.ts'
import type { Operations } from '../../operations/operations.ts'
import { trustedIssuerToWire } from '../../wire/trusted-issuer.ts'
import { badge, copyable, form, notice, saveButton, versionField } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import { icon } from './icons.ts'
import { refusalsCard } from './issuer-refusals-card.ts'
import type { Page } from './layout.ts'
import { when } from './times.ts'
import { readSettings, settingFields, settingsIn, typedIn } from './trusted-issuer-form.ts'
import {
  aboutIssuers,
  claimsCard,
  issuerAddress,
  issuerOfPage,
  issuerState,
  platformOf,
  secondsInWords,
  titleOfIssuer,
  warningNotices,
} from './trusted-issuer-frame.ts'
import { keysFacts } from './trusted-issuer-keys.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'trustedIssuers' | 'publishedRealms' | 'federation'>

const PATH = '/portal/:realm/trusted-issuers/:id'

const DONE: ReadonlyMap<string, string> = new Map([
  [
    'added',
    'The issuer is trusted. Its tokens get in as a service account once you bind one: open the account, Workload identities.',
  ],
  ['saved', 'Saved. The next token is checked by it.'],
  ['enabled', 'The issuer is enabled: its tokens are accepted again.'],
  [
    'disabled',
    'The issuer is disabled: its tokens are not accepted, and tokens obtained through it are revoked.',
  ],
  ['ending', 'The change is in force. Tokens obtained before are still being revoked.'],
  ['keys', 'The keys are replaced.'],
])

/** One trusted issuer, and its settings. */
export function trustedIssuerScreen(portal: Portal, operations: Deps): void {
  portal.page(PATH, async (visit, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    return issuerPage(operations, visit, issuer, { done: asked.query('done') })
  })

  portal.action(PATH, async (visit, sent, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    // The settings that the form was filled with are those that it changes.
    const actor = { ...visit.actor, precondition: { ifMatch: [sent.get('version')] } }
    await operations.trustedIssuers.update(actor, visit.realm, issuer.id, readSettings(typedIn(sent)))
    return { redirect: `${issuerAddress(visit, issuer.id)}?done=saved` }
  })
}

interface Shown {
  readonly done?: string
  readonly notes?: readonly string[]
}

export async function issuerPage(
  operations: Deps,
  visit: Visit,
  issuer: TrustedIssuer,
  { done = '', notes = [] }: Shown,
): Promise<Page> {
  const { issuer: realmIssuer } = await operations.publishedRealms.find(visit.realm)
  const keys = await operations.federation.fetchedKeys(visit.actor, visit.realm, issuer.id)
  const refused = await operations.federation.refusals(visit.actor, visit.realm, issuer.id)
  const preset = issuer.preset === undefined ? undefined : presetOf(issuer.preset)
  const message = DONE.get(done)
  return {
    ...aboutIssuers(visit, titleOfIssuer(issuer)),
    actions: visit.mayChange && issuer.ending !== 'delete' && actions(visit, issuer),
    body: html`${message && notice('success', message)}
${notes.length > 0 && warningNotices(notes)}
${facts(visit, issuer, { realmIssuer, keys })}
${warningNotices(trustedIssuerToWire(issuer).warnings)}
${visit.mayChange && issuer.ending !== 'delete' && settingsCard(visit, issuer, realmIssuer)}
${refusalsCard(visit, refused)}
${preset && claimsCard(preset)}`,
  }
}

function actions(visit: Visit, { id, enabled }: TrustedIssuer): Content {
  const here = issuerAddress(visit, id)
  return html`${
    enabled
      ? html`<a class="button" href="${here}/disable">${icon('no-symbol')}Disable</a>`
      : form(visit, `${here}/enable`, html`<button>${icon('check')}Enable</button>`)
  }
<a class="button danger-text" href="${here}/delete">${icon('trash')}Delete</a>`
}

interface Known {
  readonly realmIssuer: string
  /** `undefined`: they were uploaded. */
  readonly keys: SourceState | undefined
}

function facts(visit: Visit, issuer: TrustedIssuer, { realmIssuer, keys }: Known): Html {
  const { now } = visit
  const code = (text: string) => html`<code class="wrap">${text}</code>`
  const claims = issuer.requiredClaims.map(pathText)
  return html`<section class="card"><dl class="facts">
<dt>Issuer</dt><dd>${copyable('issuer-text', 'issuer', issuer.issuer)}</dd>
<dt>Platform</dt><dd>${platformOf(issuer) ?? 'Another platform'}</dd>
<dt>State</dt><dd>${issuerState(issuer)}</dd>
${keysFacts(visit, issuer, keys)}
<dt>Audiences</dt><dd>${audiencesOf(issuer, realmIssuer).map((one) => html`${code(one)}<br>`)}</dd>
<dt>Signed with</dt><dd><span class="badges">${issuer.algorithms.map((one) => badge('plain', one))}</span></dd>
<dt>Longest lifetime</dt><dd>${secondsInWords(issuer.maxLifetimeSeconds)}</dd>
<dt>A token is accepted</dt><dd>${issuer.singleUse ? 'once, by its jti' : 'as often as it is sent, until it ends'}</dd>
<dt>Workloads are told apart by</dt><dd>${code('sub')}${claims.length > 0 && claims.join() !== 'sub' && html`, or by all of ${claims.map((one, at) => html`${at > 0 && ', '}${code(one)}`)}`}</dd>
<dt>Trusted</dt><dd>${when(issuer.createdAt, now)}</dd>
</dl></section>`
}

function settingsCard(visit: Visit, issuer: TrustedIssuer, realmIssuer: string): Html {
  return html`<section class="card"><h2>Settings</h2>
${form(
  visit,
  issuerAddress(visit, issuer.id),
  html`${versionField(issuer.version)}
${settingFields(settingsIn(issuer), realmIssuer)}
<div class="buttons">${saveButton('Save', false)}</div>`,
)}</section>`
}
