import { MAX_ISSUERS, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { Operations } from '../../operations/operations.ts'
import { notice } from './elements.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import {
  issuerAddress,
  issuerState,
  issuersAddress,
  nameOfIssuer,
  platformOf,
  SOURCE_NAMES,
} from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'

const DONE: ReadonlyMap<string, string> = new Map([
  ['deleted', 'The issuer is deleted: its tokens are no longer accepted.'],
  [
    'ending',
    'The issuer is being deleted: none of its tokens is accepted any more, and those got by it are being ended.',
  ],
])

/** Settings → Trusted issuers. */
export function trustedIssuersScreen(portal: Portal, operations: Pick<Operations, 'trustedIssuers'>): void {
  portal.page('/portal/:realm/trusted-issuers', async (visit, { query }) => {
    const issuers = await operations.trustedIssuers.list(visit.actor, visit.realm)
    const done = DONE.get(query('done'))
    const isFull = issuers.length >= MAX_ISSUERS
    return {
      title: 'Trusted issuers',
      section: 'trusted-issuers',
      actions: [
        issuers.length > 0 && testButton(visit),
        visit.mayChange && !isFull && addButton(visit, 'Trust an issuer'),
      ],
      body: html`${done && notice('success', done)}
<p class="lead">Platforms that your workloads run on: Kubernetes, GitHub, a cloud. A workload shows the token that its platform gives it, and gets in as the service account that this identity is bound to. There is no secret to keep.</p>
${isFull && notice('info', `The realm trusts ${MAX_ISSUERS} issuers, which is the limit. Delete one that is no longer used before you add another.`)}
${issuers.length > 0 ? table(visit, issuers) : empty(visit)}`,
    }
  })
}

function testButton(visit: Visit): Html {
  return html`<a class="button" href="${issuersAddress(visit)}/explain">${icon('play')}Test a token</a> `
}

function addButton(visit: Visit, label: string): Html {
  return html`<a class="button primary" href="${issuersAddress(visit)}/add">${icon('plus')}${label}</a>`
}

function table(visit: Visit, issuers: readonly TrustedIssuer[]): Html {
  const row = (issuer: TrustedIssuer) => {
    const here = issuerAddress(visit, issuer.id)
    return html`<tr>
<td data-label="Name"><a class="strong" href="${here}">${nameOfIssuer(issuer)}</a>${issuer.name !== '' && html`<br><code class="wrap muted">${issuer.issuer}</code>`}</td>
<td data-label="Platform">${platformOf(issuer) ?? html`<span class="muted">Another</span>`}</td>
<td data-label="Keys">${SOURCE_NAMES[issuer.keys.kind]}</td>
<td data-label="State">${issuerState(issuer)}</td>
${visit.mayChange && html`<td class="row-actions"><a class="button small danger-text" href="${here}/delete" aria-label="Delete ${issuer.name || issuer.issuer}">${icon('trash')}Delete</a></td>`}
</tr>`
  }
  return html`<div class="card flush"><table class="cards">
<thead><tr><th>Name</th><th>Platform</th><th>Keys</th><th>State</th>${visit.mayChange && html`<th class="unseen-cell"><span class="unseen">Actions</span></th>`}</tr></thead>
<tbody>${issuers.map(row)}</tbody></table></div>`
}

function empty(visit: Visit): Html {
  return html`<div class="card empty">${icon('shield-check')}<h2>No issuer is trusted yet</h2>
<p>Trust the platform that your workloads run on, and they need no secret.</p>
${visit.mayChange && html`<p>${addButton(visit, 'Trust the first one')}</p>`}</div>`
}
