import { type ClaimPath, parseClaimPath, pathText } from './claim-rule.ts'
import { tokenEndpointOf } from './client-assertion.ts'
import { type PublicJwk, parseKeyName } from './client-key.ts'
import { parseKeyAddress } from './key-address.ts'
import { FETCHED_KEY_SOURCES, type FetchedKeySource, type KeySource } from './key-source.ts'
import { PLATFORM_ALGORITHMS, type PlatformAlgorithm } from './platform-algorithm.ts'
import { Refusal } from './refusal.ts'
import { isSpiffe, isSpiffeIssuer } from './spiffe.ts'

export const KEY_SOURCES = [...FETCHED_KEY_SOURCES, 'jwks'] as const

/** Public keys that were uploaded, as a JWKS. */
export interface UploadedKeys {
  readonly kind: 'jwks'
  readonly keys: readonly UploadedKey[]
}

/** A public JWK with its kid. */
export type UploadedKey = PublicJwk

export type IssuerKeys = KeySource | UploadedKeys

/** What a trusted issuer ends just now: the tokens of the accounts that it is bound to. */
export const ENDINGS = ['disable', 'keys', 'delete'] as const
export type Ending = (typeof ENDINGS)[number]

export interface IssuerSettings {
  /** `iss` of its tokens, or spiffe:// and the trust domain of their `sub`. */
  readonly issuer: string
  readonly name: string
  readonly preset: string | undefined
  readonly keys: IssuerKeys
  /** `undefined`: the issuer and the token endpoint of the realm. */
  readonly audiences: readonly string[] | undefined
  readonly algorithms: readonly PlatformAlgorithm[]
  readonly maxLifetimeSeconds: number
  /** Each token is accepted once, by its jti. */
  readonly singleUse: boolean
  /** A workload identity without sub pins all of them. */
  readonly requiredClaims: readonly ClaimPath[]
  readonly enabled: boolean
}

/** A platform whose tokens a realm accepts, for the accounts that it is bound to. */
export interface TrustedIssuer extends IssuerSettings {
  readonly id: string
  readonly ending: Ending | undefined
  /** Incremented by every change; the ETag of its representation. */
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const MAX_ISSUERS = 50
export const MAX_PLATFORM_TOKEN_LIFETIME_SECONDS = 86_400
export const DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS = 3600
export const MIN_PLATFORM_TOKEN_LIFETIME_SECONDS = 30
export const MAX_ISSUER_AUDIENCES = 20
export const MAX_ISSUER_AUDIENCE_LENGTH = 500
const AUDIENCE = new RegExp(`^[^\\p{C}]{1,${MAX_ISSUER_AUDIENCE_LENGTH}}$`, 'u')
export const MAX_REQUIRED_CLAIMS = 8
export const MAX_ISSUER_LENGTH = 500

/** As they are sent; absent members are the default. */
export interface SentIssuer {
  readonly issuer: string
  readonly name?: string | undefined
  readonly preset?: string | undefined
  readonly keys: IssuerKeys
  readonly audiences?: readonly string[] | null | undefined
  readonly algorithms?: readonly string[] | undefined
  readonly maxLifetimeSeconds?: number | undefined
  readonly singleUse?: boolean | undefined
  readonly requiredClaims?: readonly unknown[] | undefined
  readonly enabled?: boolean | undefined
}

/** @throws Refusal `invalid`, with the member's wire name */
export function parseIssuerSettings(sent: SentIssuer): IssuerSettings {
  const { issuer, keys, audiences, maxLifetimeSeconds = DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS } = sent
  checkIssuer(issuer)
  checkKeys(issuer, keys)
  checkAudiences(audiences)
  const [least, most] = [MIN_PLATFORM_TOKEN_LIFETIME_SECONDS, MAX_PLATFORM_TOKEN_LIFETIME_SECONDS]
  if (!Number.isInteger(maxLifetimeSeconds) || maxLifetimeSeconds < least || maxLifetimeSeconds > most)
    fail('max_lifetime_seconds', `a whole number from ${least} to ${most}`)
  return {
    issuer,
    name: parseKeyName(sent.name ?? ''),
    preset: sent.preset,
    keys,
    audiences: audiences ?? undefined,
    algorithms: parseAlgorithms(sent.algorithms ?? PLATFORM_ALGORITHMS),
    maxLifetimeSeconds,
    singleUse: sent.singleUse ?? false,
    requiredClaims: parseRequiredClaims(sent.requiredClaims ?? []),
    enabled: sent.enabled ?? true,
  }
}

/** Hosts of this machine alone. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/** Whether it is an address that keys may be fetched from, as far as its text tells: https, or http on this machine. */
export function isKeyAddress(text: string): boolean {
  if (text.length > MAX_ISSUER_LENGTH || !/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username !== '' || password !== '' || hash !== '' || text.includes('#')) return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname))
}

function checkIssuer(issuer: string): void {
  if (isSpiffeIssuer(issuer)) return
  if (!isKeyAddress(issuer) || issuer.includes('?') || !/^https?:\/\//.test(issuer))
    fail(
      'issuer',
      'the iss of its tokens, an https address without query and fragment, or spiffe:// and a trust domain',
    )
}

function checkKeys(issuer: string, keys: IssuerKeys): void {
  if (keys.kind === 'jwks') return
  if (keys.kind === 'discovery') {
    if (isSpiffe(issuer))
      fail('keys.source', 'spiffe_bundle or jwks for a trust domain, which has no discovery document')
    return
  }
  const member = addressMember(keys.kind)
  parseKeyAddress(keys.address, `keys.${member}`)
}

/** Wire name of the address of such keys. */
export function addressMember(kind: Exclude<FetchedKeySource, 'discovery'>): 'jwks_uri' | 'url' {
  return kind === 'jwks_uri' ? 'jwks_uri' : 'url'
}

function checkAudiences(audiences: readonly string[] | null | undefined): void {
  if (audiences === null || audiences === undefined) return
  const isGood =
    audiences.length >= 1 &&
    audiences.length <= MAX_ISSUER_AUDIENCES &&
    new Set(audiences).size === audiences.length &&
    audiences.every((one) => AUDIENCE.test(one))
  if (!isGood)
    fail('audiences', `1 to ${MAX_ISSUER_AUDIENCES} different values of aud, or null for those of the realm`)
}

function parseAlgorithms(sent: readonly string[]): readonly PlatformAlgorithm[] {
  const known = PLATFORM_ALGORITHMS.filter((one) => sent.includes(one))
  if (known.length === 0 || known.length !== sent.length)
    fail('algorithms', `one or more different ones of: ${PLATFORM_ALGORITHMS.join(', ')}`)
  return known
}

function parseRequiredClaims(sent: readonly unknown[]): readonly ClaimPath[] {
  const paths = sent.map((path, at) => parseClaimPath(path, `required_claims.${at}`))
  if (paths.length > MAX_REQUIRED_CLAIMS || new Set(paths.map(pathText)).size !== paths.length)
    fail('required_claims', `at most ${MAX_REQUIRED_CLAIMS} different claims`)
  return paths
}

/** Values of `aud` that tokens of the issuer may have here. */
export function audiencesOf(
  { audiences }: Pick<IssuerSettings, 'audiences'>,
  realmIssuer: string,
): readonly string[] {
  return audiences ?? [realmIssuer, tokenEndpointOf(realmIssuer)]
}

/** What a change of settings ends. Of uploaded keys, those that are added end nothing. */
export function endingOf(before: IssuerSettings, after: IssuerSettings): Ending | undefined {
  if (before.enabled && !after.enabled) return 'disable'
  if (before.keys.kind !== after.keys.kind) return 'keys'
  if (before.keys.kind !== 'jwks' || after.keys.kind !== 'jwks')
    return addressOf(before.keys) === addressOf(after.keys) ? undefined : 'keys'
  const kept = new Set(after.keys.keys.map(textOf))
  return before.keys.keys.every((key) => kept.has(textOf(key))) ? undefined : 'keys'
}

function addressOf(keys: IssuerKeys): string | undefined {
  return keys.kind === 'jwks' ? undefined : keys.address
}

function textOf(key: UploadedKey): string {
  return JSON.stringify(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function fail(field: string, wanted: string): never {
  throw new Refusal('invalid', `${field} must be ${wanted}.`, field)
}
