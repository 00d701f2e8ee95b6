import { type CryptoKey, importJWK, type JWK } from 'jose'
import { fetchText } from './fetch-text.ts'
import { type Loaded, RefreshingValue } from './refreshing-value.ts'
import { isRecord } from './strict-json.ts'
import { TokenError } from './token-error.ts'

export interface KeySetOptions {
  readonly url: string
  readonly algorithms: ReadonlySet<string>
  readonly maxAgeSeconds: number
  readonly cooldownSeconds: number
  readonly usableWhenStaleSeconds: number
  readonly timeoutSeconds: number
  readonly now: () => number
}

interface PublishedKey {
  readonly jwk: JWK
  readonly alg: string
  imported?: Promise<CryptoKey>
  /** The imported key, for those who do not wait. */
  ready?: CryptoKey
}

interface KeyList {
  readonly keys: ReadonlyMap<string, PublishedKey>
  readonly etag: string | undefined
}

const MAX_BYTES = 256 * 1024
const DEFAULT_MAX_AGE_SECONDS = 300
const LEAST_AGE_SECONDS = 5

/** The keys the issuer publishes (RFC 7517), as of now. */
export class KeySet {
  readonly #options: KeySetOptions
  readonly #list: RefreshingValue<KeyList>

  constructor(options: KeySetOptions) {
    this.#options = options
    this.#list = new RefreshingValue({ ...options, load: (previous) => this.#load(previous) })
  }

  async find(kid: string, alg: string): Promise<CryptoKey> {
    const key = (await this.#current()).keys.get(kid) ?? (await this.#findNew(kid))
    if (!key) throw new TokenError('unknown_key', { reason: `kid ${JSON.stringify(kid.slice(0, 100))}` })
    // RFC 8725 section 3.1: a key is for one algorithm.
    if (key.alg !== alg)
      throw new TokenError('algorithm_mismatch', { reason: `${alg}, but the key is for ${key.alg}` })
    try {
      key.imported ??= importJWK(key.jwk, alg) as Promise<CryptoKey>
      key.ready ??= await key.imported
      return key.ready
    } catch (cause) {
      throw new TokenError('unknown_key', { reason: `this runtime cannot use a key for ${alg}`, cause })
    }
  }

  /** The key where the keys are fresh and it was used before; nothing is asked. */
  known(kid: string, alg: string): CryptoKey | undefined {
    const key = this.#list.fresh?.keys.get(kid)
    return key?.alg === alg ? key.ready : undefined
  }

  /** Loads the keys where they are not fresh. */
  async ready(): Promise<void> {
    await this.#current()
  }

  async #current(): Promise<KeyList> {
    try {
      return await this.#list.get()
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  async #findNew(kid: string): Promise<PublishedKey | undefined> {
    try {
      const list = await this.#list.getNewer(this.#options.cooldownSeconds)
      return list?.keys.get(kid)
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  #failed(cause: unknown): TokenError {
    if (this.#list.gone) return new TokenError('unknown_key', { reason: 'the issuer has no keys', cause })
    return new TokenError('keys_unavailable', { cause })
  }

  async #load(previous: KeyList | undefined): Promise<Loaded<KeyList>> {
    const { url, maxAgeSeconds, timeoutSeconds, algorithms } = this.#options
    const accept = 'application/jwk-set+json, application/json'
    const fetched = await fetchText(url, {
      accept,
      etag: previous?.etag,
      maxBytes: MAX_BYTES,
      timeoutSeconds,
    })
    const told = Math.max(fetched.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS, LEAST_AGE_SECONDS)
    const freshForSeconds = Math.min(told, maxAgeSeconds)
    if (fetched.text === undefined) return { value: previous as KeyList, freshForSeconds }
    return { value: { keys: readKeys(fetched.text, algorithms), etag: fetched.etag }, freshForSeconds }
  }
}

/** The signature keys that name their kid and an accepted algorithm; others are not for us. */
function readKeys(text: string, algorithms: ReadonlySet<string>): ReadonlyMap<string, PublishedKey> {
  const document: unknown = JSON.parse(text)
  const { keys: published } = isRecord(document) ? document : {}
  if (!Array.isArray(published)) throw new Error('not a JWK set')
  const keys = new Map<string, PublishedKey>()
  for (const jwk of published) {
    if (!isRecord(jwk)) continue
    const { kid, alg, kty, use } = jwk
    if (typeof kid !== 'string' || typeof alg !== 'string' || typeof kty !== 'string') continue
    if (!algorithms.has(alg) || kty === 'oct' || (use !== undefined && use !== 'sig') || keys.has(kid))
      continue
    keys.set(kid, { jwk: { ...jwk, kty }, alg })
  }
  return keys
}
