import { type IssuerRefusal, MAX_REFUSALS } from '../../domain/issuer-refusal.ts'
import { PLATFORM_TOKEN_FAULTS } from '../../domain/platform-token.ts'
import { type Html, html, named } from './html.ts'
import { icon } from './icons.ts'
import { when } from './times.ts'
import { issuersAddress } from './trusted-issuer-frame.ts'
import type { Visit } from './visit.ts'

/** The last refused tokens of an issuer. What tokens say of themselves is a stranger's word. */
export function refusalsCard(visit: Visit, refusals: readonly IssuerRefusal[]): Html {
  const head = html`<div class="section-head"><h2>Last refusals</h2><a class="button small" href="${issuersAddress(visit)}/explain">${icon('play')}Test a token</a></div>`
  if (refusals.length === 0)
    return html`<section class="card">${head}<p class="muted">No token of it was refused.</p></section>`
  const row = ({ at, reason, subject, clientId, address }: IssuerRefusal) => html`<tr>
<td data-label="Reason">${PLATFORM_TOKEN_FAULTS[reason]}<br><code class="muted">${reason}</code></td>
<td data-label="When">${when(at, visit.now)}</td>
<td data-label="sub">${subject === undefined ? html`<span class="muted">none</span>` : named(subject)}</td>
<td data-label="client_id">${clientId === undefined ? html`<span class="muted">none</span>` : named(clientId)}</td>
<td data-label="From">${address}</td>
</tr>`
  return html`<section class="card">${head}<p class="hint">At most ${MAX_REFUSALS}, the newest first; they are written every few seconds. sub and client_id are as the request said them.</p></section>
<div class="card flush"><table class="cards refusals">
<thead><tr><th>Reason</th><th>When</th><th>sub</th><th>client_id</th><th>From</th></tr></thead>
<tbody>${refusals.map(row)}</tbody></table></div>`
}
