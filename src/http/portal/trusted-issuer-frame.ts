import type { ClaimPath } from '../../domain/claim-rule.ts'
import { type FederationPreset, presetOf } from '../../domain/federation-presets.ts'
import type { FetchedKeySource } from '../../domain/key-source.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'
import type { Operations } from '../../operations/operations.ts'
import { badge, notice } from './elements.ts'
import { type Content, type Html, html, named } from './html.ts'
import type { Page } from './layout.ts'
import type { Asked, Visit } from './visit.ts'

export const SOURCE_NAMES = {
  discovery: 'Fetched by its discovery document',
  jwks_uri: 'Fetched from the address of a JWKS',
  spiffe_bundle: 'Fetched from a SPIFFE bundle endpoint',
  jwks: 'Uploaded',
} satisfies Record<FetchedKeySource | 'jwks', string>

export function issuersAddress({ realm }: Visit): string {
  return `/portal/${realm}/trusted-issuers`
}

export function issuerAddress(visit: Visit, id: string): string {
  return `${issuersAddress(visit)}/${encodeURIComponent(id)}`
}

/** Its name, or where it has none its address. */
export function titleOfIssuer({ name, issuer }: TrustedIssuer): string {
  return name === '' ? issuer : name
}

/** Top of each page about trusted issuers. */
export function aboutIssuers(visit: Visit, title: string, issuer?: TrustedIssuer): Omit<Page, 'body'> {
  const list = ['Trusted issuers', issuersAddress(visit)] as const
  const itself = issuer && ([titleOfIssuer(issuer), issuerAddress(visit, issuer.id)] as const)
  return { title, section: 'trusted-issuers', trail: itself ? [list, itself] : [list] }
}

export function issuerOfPage(
  { trustedIssuers }: Pick<Operations, 'trustedIssuers'>,
  visit: Visit,
  { params }: Asked,
): Promise<TrustedIssuer> {
  return trustedIssuers.find(visit.actor, visit.realm, params['id'] as string)
}

export function issuerState({ enabled, ending }: TrustedIssuer): Html {
  if (ending === 'delete') return badge('warning', 'Being deleted')
  if (ending !== undefined) return badge('warning', 'Ending tokens')
  return enabled ? badge('success', 'Enabled') : badge('warning', 'Disabled')
}

export function platformOf({ preset }: TrustedIssuer): string | undefined {
  return preset === undefined ? undefined : presetOf(preset)?.title
}

export function warningNotices(warnings: readonly string[]): Content {
  if (warnings.length === 0) return undefined
  const [only, ...others] = warnings
  return notice(
    'warning',
    others.length === 0
      ? only
      : html`<ul class="plain-list">${warnings.map((one) => html`<li>${one}</li>`)}</ul>`,
  )
}

/** What the tokens of a platform say. */
export function claimsCard({ title, claims }: FederationPreset): Html {
  return html`<section class="card"><h2>What tokens of ${title} say</h2>
<dl class="claims">${claims.map(
    ({ claim, meaning, example }) => html`<dt><code class="wrap">${claimText(claim)}</code></dt>
<dd>${meaning} <span class="muted">For example <code class="wrap">${String(example)}</code></span></dd>`,
  )}</dl></section>`
}

/** As the admin API takes it: a name, or a list of names as JSON. */
export function claimText(path: ClaimPath): string {
  const [only = '', ...others] = path
  return others.length === 0 && !only.startsWith('[')
    ? only
    : `[${path.map((name) => JSON.stringify(name)).join(', ')}]`
}

/** Lines of a field that are not empty. */
export function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** A text with commands between backticks. */
export function withCode(text: string): Content {
  return text.split('`').map((part, at) => (at % 2 === 0 ? part : html`<code class="wrap">${part}</code>`))
}

/** `undefined`: a list of names that is not JSON. */
export function readClaim(text: string): unknown {
  if (!text.startsWith('[')) return text
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function secondsInWords(seconds: number): string {
  const [size, word] =
    seconds % 3600 === 0 ? [3600, 'hour'] : seconds % 60 === 0 ? [60, 'minute'] : [1, 'second']
  const count = seconds / size
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

export function accountsInWords(count: number): string {
  return count === 1 ? '1 service account' : `${count} service accounts`
}

export function nameOfIssuer(issuer: TrustedIssuer): Html {
  return issuer.name === '' ? html`<code class="wrap">${issuer.issuer}</code>` : named(issuer.name)
}
