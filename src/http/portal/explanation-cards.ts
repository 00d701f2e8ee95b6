import type {
  ExplainedIdentity,
  ExplainedRule,
  ExplainedStep,
  Explanation,
} from '../../domain/explanation.ts'
import { badge, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import { ruleText } from './rule-fields.ts'
import { exact } from './times.ts'
import { issuerAddress } from './trusted-issuer-frame.ts'
import type { Visit } from './visit.ts'

/** Why a token gets in, or does not. */
export function explanationCards(visit: Visit, explanation: Explanation): Html {
  const { fault, summary, next, issuer, steps, identities, isCut, header, claims } = explanation
  const isAccepted = fault === undefined
  return html`${notice(isAccepted ? 'success' : 'danger', html`<strong>${summary}</strong> ${next}`)}
<section class="card"><div class="section-head"><h2>Steps</h2>${issuer && html`<a class="button small" href="${issuerAddress(visit, issuer.id)}">Open the issuer</a>`}</div>
<ul class="lines steps">${steps.map(stepLine)}</ul></section>
${
  identities.length > 0 &&
  html`<section class="card"><h2>Workload identities, the nearest first</h2>
${identities.map((one) => identityPart(visit, one))}
${isCut && html`<p class="hint">There are more. With a client_id, those of one account are compared.</p>`}</section>`
}
${
  claims &&
  html`<section class="card"><h2>What it says of itself</h2>
<pre class="break" tabindex="0" aria-label="Claims">${pretty(claims)}</pre>
<h2>Header</h2><pre class="break" tabindex="0" aria-label="Header">${pretty(header)}</pre></section>`
}`
}

function stateOf(ok: boolean | undefined): Html {
  if (ok === undefined) return badge('plain', 'not checked')
  return ok ? badge('success', 'ok') : badge('danger', 'wrong')
}

function stepLine({ step, ok, expected, found, note }: ExplainedStep): Html {
  return html`<li><div><p><span class="strong">${step}</span> ${stateOf(ok)}</p>
${ok !== undefined && html`<p class="muted">found ${shownAs(found)}${unitOf(step, found)}</p>`}
${ok === false && html`<p class="muted">expected ${shownAs(expected)}</p>`}
${note !== undefined && html`<p>${note}</p>`}</div></li>`
}

/** Seconds since 1970 tell a person nothing. */
const TIMES = ['expiry', 'issued at', 'not before']
const MAX_SECONDS = 8_640_000_000_000

function unitOf(step: string, found: unknown): Content {
  if (typeof found !== 'number') return undefined
  if (step === 'lifetime') return ' seconds'
  return TIMES.includes(step) && Math.abs(found) < MAX_SECONDS && ` (${exact(new Date(found * 1000))})`
}

function identityPart(visit: Visit, identity: ExplainedIdentity): Html {
  const { id, name, clientId, accountName, isDisabled, isFederated, rules } = identity
  const account = `/portal/${visit.realm}/service-accounts/${encodeURIComponent(clientId)}`
  const holding = rules.filter(({ ok }) => ok).length
  return html`<h3><a href="${account}/workload-identities/${id}">${name === '' ? html`<code class="wrap">${id}</code>` : named(name)}</a></h3>
<p class="muted">of ${named(accountName)}: ${holding} of ${rules.length} rules hold${isDisabled && html` · ${badge('warning', 'Account disabled')}`}${!isFederated && html` · ${badge('warning', 'It may not authenticate that way')}`}</p>
<ul class="lines steps">${rules.map(ruleLine)}</ul>`
}

function ruleLine({ rule, ok, found, note }: ExplainedRule): Html {
  return html`<li><div><p>${ruleText(rule)} ${stateOf(ok)}</p>
${!ok && html`<p class="muted">found ${shownAs(found)}</p>`}
${note !== undefined && html`<p>${note}</p>`}</div></li>`
}

function shownAs(value: unknown): Content {
  if (value === undefined || value === null) return 'none'
  return html`<code class="wrap">${typeof value === 'string' ? value : JSON.stringify(value)}</code>`
}

function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}
