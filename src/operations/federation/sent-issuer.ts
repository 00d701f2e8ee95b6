import { KeySetError, readKeySet } from '../../crypto/published-keys.ts'
import { findPrivateMember } from '../../domain/client-key.ts'
import { type FederationPreset, PRESET_NAMES, presetOf } from '../../domain/federation-presets.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  type IssuerKeys,
  type IssuerSettings,
  KEY_SOURCES,
  parseIssuerSettings,
  type SentIssuer,
} from '../../domain/trusted-issuer.ts'

/** Where keys come from, as it is sent. */
export interface SentKeys {
  readonly source?: string | undefined
  readonly jwksUri?: string | undefined
  readonly url?: string | undefined
  readonly jwks?: unknown
}

/** Settings as they are sent; absent members are those of the preset, or the default. */
export interface SentSettings extends Partial<Omit<SentIssuer, 'keys'>> {
  readonly keys?: SentKeys | undefined
}

/** Settings, and what to tell the administrator of them. */
export interface ReadSettings {
  readonly settings: IssuerSettings
  /** Keys of an uploaded JWKS that were left out. */
  readonly notes: readonly string[]
}

/** Fills in what the preset knows. @throws Refusal `invalid` */
export function readNewIssuer(sent: SentSettings): ReadSettings {
  const preset = sent.preset === undefined ? undefined : presetNamed(sent.preset)
  const { issuer = preset?.issuer, keys = preset?.keys } = sent
  if (issuer === undefined) throw missing('issuer', preset)
  if (keys === undefined) throw missing('keys', preset)
  const read = readKeys(keys, issuer)
  const known = preset && {
    audiences: preset.audiences,
    maxLifetimeSeconds: preset.maxLifetimeSeconds,
    requiredClaims: preset.requiredClaims,
  }
  return {
    settings: parseIssuerSettings({ ...known, ...said(sent), issuer, keys: read.keys }),
    notes: read.notes,
  }
}

/** Members left out keep their values. @throws Refusal `invalid` */
export function readChangedIssuer(before: IssuerSettings, sent: SentSettings): ReadSettings {
  if (sent.preset !== undefined) presetNamed(sent.preset)
  const { keys: sentKeys, ...others } = sent
  const issuer = sent.issuer ?? before.issuer
  const { keys, notes } = sentKeys
    ? readKeys(sentKeys, issuer)
    : { keys: keysAt(before.keys, issuer), notes: [] }
  return { settings: parseIssuerSettings({ ...before, ...said(others), issuer, keys }), notes }
}

/** A discovery document is where the issuer is. */
function keysAt(keys: IssuerKeys, issuer: string): IssuerKeys {
  return keys.kind === 'discovery' ? { kind: keys.kind, address: issuer } : keys
}

function presetNamed(name: string): FederationPreset {
  const preset = presetOf(name)
  if (!preset) throw new Refusal('invalid', `preset must be one of ${PRESET_NAMES.join(', ')}.`, 'preset')
  return preset
}

/** Members that were sent, though it be `null`. */
function said<T extends object>(sent: T): Partial<T> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) as Partial<T>
}

function missing(field: 'issuer' | 'keys', preset: FederationPreset | undefined): Refusal {
  const example = field === 'issuer' && preset ? ` For ${preset.title} it is ${preset.issuerExample}.` : ''
  return new Refusal('invalid', `${field} is missing.${example}`, field)
}

/** The member that each source has beside its name. */
const MEMBERS = { discovery: undefined, jwks_uri: 'jwksUri', jwks: 'jwks', spiffe_bundle: 'url' } as const

const WIRE_NAMES = { jwksUri: 'jwks_uri', jwks: 'jwks', url: 'url' } as const

function readKeys(sent: SentKeys, issuer: string): { keys: IssuerKeys; notes: readonly string[] } {
  const source = KEY_SOURCES.find((one) => one === sent.source)
  if (!source)
    throw new Refusal('invalid', `keys.source must be one of ${KEY_SOURCES.join(', ')}.`, 'keys.source')
  const wanted = MEMBERS[source]
  for (const [name, wire] of Object.entries(WIRE_NAMES)) {
    const isSent = sent[name as keyof SentKeys] !== undefined
    if (isSent !== (name === wanted))
      throw new Refusal(
        'invalid',
        isSent ? `keys of source ${source} have no ${wire}.` : `keys of source ${source} need ${wire}.`,
        `keys.${wire}`,
      )
  }
  if (source === 'jwks') return readUploaded(sent.jwks)
  const address = wanted === undefined ? issuer : (sent[wanted] as string)
  return { keys: { kind: source, address }, notes: [] }
}

function readUploaded(jwks: unknown): { keys: IssuerKeys; notes: readonly string[] } {
  const privateMember = findPrivateMember(jwks, 'keys.jwks')
  if (privateMember !== undefined)
    throw new Refusal(
      'invalid',
      'This is a private key. Upload the public keys alone. Who saw the private key on its way here could use it: replace it at the issuer.',
      privateMember,
    )
  const { keys, notes } = readSet(jwks)
  if (keys.length === 0)
    throw new Refusal(
      'invalid',
      `keys.jwks has no key that signatures can be verified with${notes[0] === undefined ? '' : `: ${notes[0]}`}.`,
      'keys.jwks',
    )
  const flat = keys.map(({ kid, jwk }) => (kid === undefined ? jwk : { kid, ...jwk }))
  return { keys: { kind: 'jwks', keys: flat }, notes: notes.map((note) => `keys.jwks.${note}.`) }
}

function readSet(jwks: unknown) {
  try {
    return readKeySet(jwks)
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error
    throw new Refusal('invalid', `keys.jwks cannot be used: ${error.message}.`, 'keys.jwks')
  }
}
