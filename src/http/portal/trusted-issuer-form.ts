import { findPrivateMember } from '../../domain/client-key.ts'
import type { FederationPreset } from '../../domain/federation-presets.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS,
  type IssuerSettings,
  MAX_PLATFORM_TOKEN_LIFETIME_SECONDS,
} from '../../domain/trusted-issuer.ts'
import type { SentKeys, SentSettings } from '../../operations/federation/sent-issuer.ts'
import { choice, choices, more } from './choices.ts'
import { atMost, field, textArea } from './elements.ts'
import { type Html, html } from './html.ts'
import { claimText, lines, readClaim } from './trusted-issuer-frame.ts'
import type { Fields } from './visit.ts'

/** Names of the fields. */
const FIELDS = [
  'issuer',
  'name',
  'source',
  'jwks_uri',
  'url',
  'jwks',
  'audiences',
  'max_lifetime_seconds',
  'single_use',
  'required_claims',
] as const

/** What the form shows, as texts. */
export type IssuerFields = Readonly<Record<(typeof FIELDS)[number], string>>

export function typedIn(sent: Fields): IssuerFields {
  return Object.fromEntries(FIELDS.map((name) => [name, sent.get(name)])) as IssuerFields
}

/** What a preset fills in. */
export function filledBy(preset: FederationPreset | undefined): IssuerFields {
  const lifetime = preset?.maxLifetimeSeconds ?? DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS
  return {
    ...nothing(),
    issuer: preset?.issuer ?? '',
    source: preset && !preset.keys ? 'spiffe_bundle' : 'discovery',
    audiences: (preset?.audiences ?? []).join('\n'),
    max_lifetime_seconds: String(lifetime),
    required_claims: (preset?.requiredClaims ?? []).map(claimText).join('\n'),
  }
}

export function settingsIn(issuer: IssuerSettings): IssuerFields {
  return {
    ...nothing(),
    name: issuer.name,
    source: issuer.keys.kind,
    audiences: (issuer.audiences ?? []).join('\n'),
    max_lifetime_seconds: String(issuer.maxLifetimeSeconds),
    single_use: issuer.singleUse ? 'yes' : '',
    ...(issuer.keys.kind === 'jwks_uri' && { jwks_uri: issuer.keys.address }),
    ...(issuer.keys.kind === 'spiffe_bundle' && { url: issuer.keys.address }),
  }
}

function nothing(): IssuerFields {
  return Object.fromEntries(FIELDS.map((name) => [name, ''])) as IssuerFields
}

/** Reads name, audiences, lifetime and single use. */
export function readSettings(typed: IssuerFields): SentSettings {
  const audiences = lines(typed.audiences)
  return {
    name: typed.name,
    audiences: audiences.length > 0 ? audiences : null,
    maxLifetimeSeconds: Number(typed.max_lifetime_seconds.trim() || Number.NaN),
    singleUse: typed.single_use === 'yes',
  }
}

export function readRequiredClaims({ required_claims: text }: IssuerFields): readonly unknown[] {
  return lines(text).map(readClaim)
}

/** @throws Refusal `invalid` for an address or a JWKS that is missing, or is not JSON */
export function readKeySource({ source, jwks_uri: jwksUri, url, jwks }: IssuerFields): SentKeys {
  if (source === 'jwks_uri') return { source, jwksUri: addressIn(jwksUri, 'keys.jwks_uri') }
  if (source === 'spiffe_bundle') return { source, url: addressIn(url, 'keys.url') }
  if (source === 'jwks') return { source, jwks: readJson(jwks) }
  return { source }
}

function addressIn(text: string, field: string): string {
  if (text.trim() === '') throw new Refusal('invalid', 'Say at which address the keys are.', field)
  return text.trim()
}

function readJson(text: string): unknown {
  if (findPrivateMember(text) === undefined) {
    try {
      return JSON.parse(text)
    } catch {
      const fault =
        text.trim() === '' ? 'Paste the JWKS of the issuer' : 'The JWKS is not JSON. Paste it whole'
      throw new Refusal('invalid', `${fault}: {"keys": […]}.`, 'keys.jwks')
    }
  }
  throw new Refusal(
    'invalid',
    'This is a private key. Paste the public keys alone. Who saw the private key on its way here could use it: replace it at the issuer.',
    'keys.jwks',
  )
}

const SOURCES: readonly (readonly [source: string, label: string, hint: string])[] = [
  [
    'discovery',
    'Fetch them by its discovery document',
    'The server asks the issuer itself at …/.well-known/openid-configuration. This is the usual way.',
  ],
  [
    'jwks_uri',
    'Fetch them from another address',
    'For an issuer that this server cannot reach by its own name.',
  ],
  ['spiffe_bundle', 'Fetch them from a SPIFFE bundle endpoint', 'For a trust domain.'],
  [
    'jwks',
    'Upload them',
    'For a private cluster: they are never fetched, and you replace them when they rotate.',
  ],
]

/** Where the issuer's keys come from. Only what belongs to the chosen source is read. */
export function keyFields(stored: IssuerFields): Html {
  const sources = SOURCES.map(([value, title, hint]) => ({
    value,
    label: html`<strong>${title}</strong>`,
    hint,
    isChosen: value === stored.source,
  }))
  const fields = html`<div class="stack">
${field('jwks_uri', 'Address of the JWKS', { value: stored.jwks_uri, refusedAs: ['keys.jwks_uri'], attributes: html`${atMost(500)} spellcheck="false"` })}
${field('url', 'Address of the SPIFFE bundle', { value: stored.url, refusedAs: ['keys.url'], attributes: html`${atMost(500)} spellcheck="false"` })}
${textArea('jwks', 'JWKS to upload', { value: stored.jwks, rows: 5, refusedAs: ['keys.jwks'], hint: html`Public keys alone. For Kubernetes: <code class="wrap">kubectl get --raw /openid/v1/jwks</code>`, attributes: html`maxlength="40000"` })}
</div>`
  return html`${choices({ type: 'radio', name: 'source', legend: 'Its keys', refusedAs: 'keys.source' }, sources)}
${more('Address or keys, unless it has a discovery document', fields, stored.source !== 'discovery')}`
}

/** Name, audiences, lifetime and single use. */
export function settingFields(stored: IssuerFields, realmIssuer: string): Html {
  return html`${field('name', 'Name (optional)', { value: stored.name, hint: 'In your words: “production cluster”.', attributes: html`${atMost(100)}` })}
${textArea('audiences', 'Audiences (optional)', { value: stored.audiences, rows: 2, hint: html`Values of <code>aud</code> that its tokens may have, one a line. Empty: <code class="wrap">${realmIssuer}</code> and the token endpoint of this realm.` })}
${field('max_lifetime_seconds', 'Longest lifetime of a token, in seconds', { value: stored.max_lifetime_seconds, hint: `3600 seconds are an hour. From 30 seconds to ${MAX_PLATFORM_TOKEN_LIFETIME_SECONDS} seconds, which are a day.`, attributes: html`inputmode="numeric" required maxlength="6"` })}
${choice(
  { type: 'checkbox', name: 'single_use', legend: 'Accept each token once' },
  {
    value: 'yes',
    label: html`<strong>Accept each token once</strong>`,
    hint: html`By its <code>jti</code>. Most platforms hand the same token out again for a while, so leave it off for them.`,
    isChosen: stored.single_use === 'yes',
  },
)}`
}
