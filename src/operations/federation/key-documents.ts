import { KeySetError, readKeySet } from '../../crypto/published-keys.ts'
import { type KeySource, MAX_PUBLISHED_KEYS, type PublishedKey } from '../../domain/key-source.ts'
import type { FetchedDocument, GuardedFetch } from './guarded-fetch.ts'
import { KeyFetchError } from './key-fetch-error.ts'

export interface KeyDocument {
  readonly keys: readonly PublishedKey[]
  /** What was left out, and why. */
  readonly skipped: readonly string[]
  /** How long the keys may be used before they are fetched again. */
  readonly freshSeconds: number
}

const KIB = 1024
const MAX_BYTES = 256 * KIB
const MAX_BUNDLE_BYTES = 1024 * KIB

const MIN_FRESH_SECONDS = 60
const MAX_FRESH_SECONDS = 86_400
/** For documents that do not say. */
const DEFAULT_FRESH_SECONDS = 300

/** Fetches the keys of a source. @throws KeyFetchError */
export async function fetchKeyDocument(
  fetch: GuardedFetch,
  { kind, address }: KeySource,
  signal: AbortSignal,
): Promise<KeyDocument> {
  if (kind === 'spiffe_bundle')
    return readBundle(await fetch(address, { maxBytes: MAX_BUNDLE_BYTES, signal }))
  const limits = { maxBytes: MAX_BYTES, signal }
  const jwksUri = kind === 'discovery' ? await discover(fetch, address, signal) : address
  const { members, headers } = await fetch(jwksUri, limits)
  return { ...readKeys(members), freshSeconds: clamp(maxAgeOf(headers) ?? DEFAULT_FRESH_SECONDS) }
}

/** OpenID Connect Discovery 1.0 section 4: the address of the keys, where the document is of this very issuer. */
async function discover(fetch: GuardedFetch, issuer: string, signal: AbortSignal): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const { members } = await fetch(address, { maxBytes: MAX_BYTES, signal })
  if (members['issuer'] !== issuer) throw new KeyFetchError('issuer', shown(members['issuer']))
  const { jwks_uri: jwksUri } = members
  if (typeof jwksUri !== 'string') throw new KeyFetchError('jwks_uri')
  return jwksUri
}

/** SPIFFE Trust Domain and Bundle, section 4: keys of use jwt-svid verify JWT-SVIDs, all others do not. */
function readBundle({ members, headers }: FetchedDocument): KeyDocument {
  const { keys, spiffe_refresh_hint: hint } = members
  const own = Array.isArray(keys) ? keys.filter(isOfSvids) : keys
  const seconds = typeof hint === 'number' && hint > 0 ? hint : (maxAgeOf(headers) ?? DEFAULT_FRESH_SECONDS)
  if (Array.isArray(keys) && keys.length > 0 && (own as unknown[]).length === 0)
    throw new KeyFetchError('no_readable_key', 'no key has the use jwt-svid')
  return { ...readKeys({ keys: own }), freshSeconds: clamp(seconds) }
}

function isOfSvids(key: unknown): boolean {
  return typeof key === 'object' && key !== null && (key as { use?: unknown }).use === 'jwt-svid'
}

/** An empty list is the issuer's word that nothing is to be trusted; a list of which nothing can be read is a mistake. */
function readKeys(members: Readonly<Record<string, unknown>>): Omit<KeyDocument, 'freshSeconds'> {
  const { keys: listed } = members
  if (!Array.isArray(listed)) throw new KeyFetchError('no_keys')
  if (listed.length > MAX_PUBLISHED_KEYS)
    throw new KeyFetchError('too_many_keys', `${listed.length}; at most ${MAX_PUBLISHED_KEYS}`)
  try {
    const { keys, notes } = readKeySet(members)
    if (keys.length === 0 && listed.length > 0) throw new KeyFetchError('no_readable_key', notes[0])
    return { keys, skipped: notes }
  } catch (error) {
    throw error instanceof KeySetError ? new KeyFetchError('no_keys') : error
  }
}

/** RFC 9111 sections 4.2.1 and 5.1: what is left of max-age after the time in caches on the way. */
function maxAgeOf({ 'cache-control': control, age }: FetchedDocument['headers']): number | undefined {
  if (control === undefined) return undefined
  if (/(?:^|,)\s*no-(?:store|cache)\s*(?:,|$)/i.test(control)) return 0
  const seconds = /(?:^|,)\s*max-age="?(\d{1,10})"?\s*(?:,|$)/i.exec(control)?.[1]
  return seconds === undefined ? undefined : Number(seconds) - (Number(age) || 0)
}

function clamp(seconds: number): number {
  return Math.min(Math.max(Math.floor(seconds), MIN_FRESH_SECONDS), MAX_FRESH_SECONDS)
}

/** A stranger's text, in printable ASCII and not for long. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return 'none'
  return value.slice(0, 200).replace(/[^\x21-\x7e]/g, '?')
}
