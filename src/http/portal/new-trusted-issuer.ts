import {
  FEDERATION_PRESETS,
  type FederationPreset,
  PRESET_NAMES,
  presetOf,
} from '../../domain/federation-presets.ts'
import type { Operations } from '../../operations/operations.ts'
import { atMost, field, form, textArea } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { Page } from './layout.ts'
import { issuerPage } from './trusted-issuer.ts'
import {
  filledBy,
  type IssuerFields,
  keyFields,
  readKeySource,
  readRequiredClaims,
  readSettings,
  settingFields,
  typedIn,
} from './trusted-issuer-form.ts'
import {
  aboutIssuers,
  claimsCard,
  issuerAddress,
  issuersAddress,
  warningNotices,
  withCode,
} from './trusted-issuer-frame.ts'
import type { Fields, Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'trustedIssuers' | 'publishedRealms' | 'federation'>

const PATH = '/portal/:realm/trusted-issuers/add'

/** A platform without a preset. */
const OTHER = 'other'

/** Platform → its settings, filled in as far as they are known. */
export function newTrustedIssuerScreen(portal: Portal, operations: Deps): void {
  portal.question(PATH, async (visit, { query }) => {
    const name = query('preset')
    const preset = presetOf(name)
    if (!preset && name !== OTHER) return choosePage(visit)
    const { issuer } = await operations.publishedRealms.find(visit.realm)
    return askPage(visit, { name, preset, realmIssuer: issuer }, filledBy(preset))
  })

  portal.action(PATH, (visit, sent) => add(operations, visit, sent))
}

async function add(operations: Deps, visit: Visit, sent: Fields) {
  const name = sent.get('preset')
  const typed = typedIn(sent)
  const { issuer, notes } = await operations.trustedIssuers.create(visit.actor, visit.realm, {
    ...readSettings(typed),
    issuer: typed.issuer.trim(),
    keys: readKeySource(typed),
    requiredClaims: readRequiredClaims(typed),
    ...(name !== OTHER && { preset: name }),
  })
  const here = issuerAddress(visit, issuer.id)
  if (notes.length === 0) return { redirect: `${here}?done=added` }
  return { ...(await issuerPage(operations, visit, issuer, { done: 'added', notes })), settleAt: here }
}

function choosePage(visit: Visit): Page {
  const choice = (name: string, title: string) =>
    html`<li><a class="tile" href="?preset=${name}">${title}${icon('chevron-right')}</a></li>`
  return {
    ...aboutIssuers(visit, 'Trust an issuer'),
    body: html`<p class="lead">Which platform do your workloads run on? What is known of it is filled in.</p>
<ul class="tiles">${PRESET_NAMES.map((name) => choice(name, FEDERATION_PRESETS[name].title))}${choice(OTHER, 'Another platform')}</ul>`,
  }
}

interface Platform {
  readonly name: string
  readonly preset: FederationPreset | undefined
  readonly realmIssuer: string
}

function askPage(visit: Visit, platform: Platform, filled: IssuerFields): Page {
  const { name, preset, realmIssuer } = platform
  const list = issuersAddress(visit)
  return {
    ...aboutIssuers(visit, preset ? `Trust ${preset.title}` : 'Trust an issuer'),
    body: html`<div class="split even"><section class="card">
${form(
  visit,
  `${list}/add`,
  html`<input type="hidden" name="preset" value="${name}">
${issuerField(preset, filled)}
${keyFields(filled)}
${settingFields(filled, realmIssuer)}
${textArea('required_claims', 'Claims that tell its workloads apart (optional)', {
  value: filled.required_claims,
  rows: 2,
  hint: html`A workload identity pins <code>sub</code>, or else all of these: one a line, a claim within a claim as <code class="wrap">["kubernetes.io", "namespace"]</code>.`,
})}
<div class="buttons"><button class="primary">Trust it</button><a class="button" href="${list}">Cancel</a></div>`,
)}
</section>
<div>${preset ? html`${warningNotices(preset.warnings)}${claimsCard(preset)}` : otherCard()}</div></div>`,
  }
}

function issuerField(preset: FederationPreset | undefined, filled: IssuerFields): Html {
  const example = preset ? html`For ${preset.title}: ${withCode(preset.issuerExample)}. ` : ''
  return field('issuer', 'Issuer', {
    value: filled.issuer,
    hint: html`${example}It is the <code>iss</code> of its tokens to the letter: a slash at the end counts.`,
    attributes: html`required ${atMost(500)} spellcheck="false"`,
  })
}

function otherCard(): Html {
  return html`<section class="card"><h2>What the platform has to do</h2>
<p>It signs a JWT for each workload, which says by <code>sub</code> or by other claims which one it is, and lets the workload name the audience. Any OpenID provider will do, another realm of this server too.</p></section>`
}
