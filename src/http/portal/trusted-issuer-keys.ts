import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { SourceState } from '../../operations/federation/fetched-keys.ts'
import type { Operations } from '../../operations/operations.ts'
import { form, notice } from './elements.ts'
import { type Content, type Html, html } from './html.ts'
import type { Page } from './layout.ts'
import { when } from './times.ts'
import { keyFields, readKeySource, settingsIn, typedIn } from './trusted-issuer-form.ts'
import {
  aboutIssuers,
  accountsInWords,
  issuerAddress,
  issuerOfPage,
  SOURCE_NAMES,
} from './trusted-issuer-frame.ts'
import type { Portal, Visit } from './visit.ts'

type Deps = Pick<Operations, 'trustedIssuers'>

const PATH = '/portal/:realm/trusted-issuers/:id/keys'

/** Where the keys of a trusted issuer come from, and which were uploaded. */
export function trustedIssuerKeysScreen(portal: Portal, operations: Deps): void {
  portal.question(PATH, async (visit, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    return page(operations, visit, issuer)
  })

  portal.action(PATH, async (visit, sent, asked) => {
    const issuer = await issuerOfPage(operations, visit, asked)
    const here = issuerAddress(visit, issuer.id)
    const change = { keys: readKeySource(typedIn(sent)) }
    const changed = await operations.trustedIssuers.update(visit.actor, visit.realm, issuer.id, change)
    return { redirect: `${here}?done=${changed.issuer.ending ? 'ending' : 'keys'}` }
  })
}

async function page({ trustedIssuers }: Deps, visit: Visit, issuer: TrustedIssuer): Promise<Page> {
  const here = issuerAddress(visit, issuer.id)
  const count = await trustedIssuers.countAccounts(visit.actor, visit.realm, issuer.id)
  return {
    ...aboutIssuers(visit, 'Replace its keys', issuer),
    body: html`<section class="card narrow">
${form(
  visit,
  `${here}/keys`,
  html`${keyFields(settingsIn(issuer))}
${count > 0 && notice('warning', `${accountsInWords(count)} ${count === 1 ? 'is' : 'are'} bound to it. If a key goes, all tokens got so far by ${count === 1 ? 'this account' : 'these accounts'} end, and the workloads get new ones.`)}
<div class="buttons"><button class="primary">Replace</button><a class="button" href="${here}">Cancel</a></div>`,
)}</section>`,
  }
}

/** Facts about the keys. @param fetched `undefined`: they were uploaded */
export function keysFacts(visit: Visit, issuer: TrustedIssuer, fetched: SourceState | undefined): Html {
  const { id, keys, ending } = issuer
  const change =
    visit.mayChange &&
    ending !== 'delete' &&
    html` <a href="${issuerAddress(visit, id)}/keys">Replace<span class="unseen"> its keys</span></a>`
  const isElsewhere = keys.kind === 'jwks_uri' || keys.kind === 'spiffe_bundle'
  return html`<dt>Keys</dt><dd>${SOURCE_NAMES[keys.kind]}${isElsewhere && html`: ${code(keys.address)}`}${change}
${keys.kind === 'jwks' && kidList(keys.keys.map(({ kid }) => kid))}
${fetched && fetchedFacts(visit, fetched)}</dd>`
}

function fetchedFacts({ now }: Visit, state: SourceState): Html {
  const { kids, fetchedAt, failedSince, fault, skipped } = state
  return html`<br><span class="muted">${fetchedAt ? html`Fetched ${when(fetchedAt, now)}` : failedSince ? 'They could not be fetched yet.' : 'They are fetched when the first token comes.'}</span>
${kidList(kids)}
${skipped.map((one) => html`<br><span class="muted">Left out: ${one}</span>`)}
${failedSince && html`<p class="fault">It cannot be fetched since ${when(failedSince, now)}: ${fault}</p>`}`
}

function kidList(kids: readonly unknown[]): Content {
  return kids.map((kid) => html`<br>${kid === undefined ? 'a key without kid' : code(String(kid))}`)
}

function code(text: string): Html {
  return html`<code class="wrap">${text}</code>`
}
