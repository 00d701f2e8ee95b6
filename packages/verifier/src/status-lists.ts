import { NODE_SKEW_SECONDS } from './access-token.ts'
import { fetchText } from './fetch-text.ts'
import type { KeySet } from './key-set.ts'
import { type Loaded, RefreshingValue } from './refreshing-value.ts'
import { checkSignature, readJwt } from './signed-jwt.ts'
import { decodeStatusList, INVALID, type StatusList, SUSPENDED, statusAt, VALID } from './status-list.ts'
import { isRecord } from './strict-json.ts'
import { TokenError } from './token-error.ts'

export interface StatusListsOptions {
  readonly issuer: string
  readonly fetchBase: string
  readonly keys: KeySet
  readonly algorithms: ReadonlySet<string>
  readonly acceptWhenUnavailableSeconds: number
  readonly clockToleranceSeconds: number
  readonly timeoutSeconds: number
  readonly now: () => number
}

interface HeldList extends StatusList {
  readonly etag: string | undefined
  readonly expiresAt: number
  readonly ttlSeconds: number
}

const MAX_LISTS = 64
const MAX_BYTES = 8 * 1024 * 1024
const DEFAULT_TTL_SECONDS = 10
const OUT_OF_BOUNDS_COOLDOWN_SECONDS = 1

/** The issuer's status lists (Token Status List, section 8.3), each fetched once per ttl. */
export class StatusLists {
  readonly #options: StatusListsOptions
  readonly #lists = new Map<string, RefreshingValue<HeldList>>()

  constructor(options: StatusListsOptions) {
    this.#options = options
  }

  /** Returns when the token that carries this `status` claim is valid. */
  async check(claim: unknown): Promise<void> {
    const { idx, uri } = readReference(claim)
    const list = this.#listAt(uri)
    const status = await this.#statusAt(list, idx)
    if (status === VALID) return
    if (status === INVALID) throw new TokenError('revoked')
    if (status === SUSPENDED) throw new TokenError('suspended')
    throw new TokenError('status_invalid', {
      reason: status === undefined ? 'idx beyond the list' : `status ${status}`,
    })
  }

  /** True where a fresh list is at hand and calls the token valid; nothing is asked. */
  isKnownValid(claim: unknown): boolean {
    const { idx, uri } = readReference(claim)
    const list = this.#lists.get(uri)?.fresh
    return list !== undefined && statusAt(list, idx) === VALID
  }

  async #statusAt(list: RefreshingValue<HeldList>, idx: number): Promise<number | undefined> {
    try {
      const status = statusAt(await list.get(), idx)
      if (status !== undefined) return status
      // The list may have grown since.
      const grown = await list.getNewer(OUT_OF_BOUNDS_COOLDOWN_SECONDS)
      return grown && statusAt(grown, idx)
    } catch (cause) {
      if (list.gone) throw new TokenError('revoked', { reason: 'the issuer has no such status list', cause })
      if (this.#mayDoWithout(list)) return VALID
      throw new TokenError('status_unavailable', { cause })
    }
  }

  #mayDoWithout({ missingSince }: RefreshingValue<HeldList>): boolean {
    const { acceptWhenUnavailableSeconds, now } = this.#options
    return missingSince !== undefined && now() - missingSince < acceptWhenUnavailableSeconds * 1000
  }

  #listAt(uri: string): RefreshingValue<HeldList> {
    const held = this.#lists.get(uri)
    if (held) return held
    // A signed token must not send us elsewhere: only below the issuer, without anything that a URL parser would resolve.
    if (!uri.startsWith(`${this.#options.issuer}/`) || !URL.canParse(uri) || new URL(uri).href !== uri)
      throw new TokenError('status_invalid', { reason: 'uri outside the issuer' })
    const list = new RefreshingValue<HeldList>({
      load: (previous) => this.#load(uri, previous),
      usableWhenStaleSeconds: this.#options.acceptWhenUnavailableSeconds,
      now: this.#options.now,
    })
    if (this.#lists.size >= MAX_LISTS) this.#lists.delete(this.#lists.keys().next().value as string)
    this.#lists.set(uri, list)
    return list
  }

  async #load(uri: string, previous: HeldList | undefined): Promise<Loaded<HeldList>> {
    const { issuer, fetchBase, timeoutSeconds, now } = this.#options
    const current = previous && previous.expiresAt > now() ? previous : undefined
    const { text, etag } = await fetchText(fetchBase + uri.slice(issuer.length), {
      accept: 'application/statuslist+jwt',
      etag: current?.etag,
      maxBytes: MAX_BYTES,
      timeoutSeconds,
    })
    const value = text === undefined ? (current as HeldList) : await this.#read(uri, text, etag)
    // Section 8.2: exp and ttl come before what HTTP says of caching.
    return { value, freshForSeconds: Math.min(value.ttlSeconds, (value.expiresAt - now()) / 1000) }
  }

  async #read(uri: string, text: string, etag: string | undefined): Promise<HeldList> {
    const { algorithms, keys, issuer, now, clockToleranceSeconds } = this.#options
    const jwt = readJwt(text, { maxBytes: MAX_BYTES, type: 'statuslist+jwt', algorithms })
    await checkSignature(jwt, keys)
    const { sub, iss, iat, exp, ttl, status_list: list } = jwt.claims
    if (sub !== uri) throw new Error('sub is not the uri')
    if (iss !== undefined && iss !== issuer) throw new Error('iss is another issuer')
    if (!isTime(iat) || iat * 1000 > now() + Math.max(clockToleranceSeconds, NODE_SKEW_SECONDS) * 1000)
      throw new Error('iat is not in the past')
    // Without exp, an old list could be played back for ever.
    if (!isTime(exp)) throw new Error('no exp')
    const expiresAt = (exp + clockToleranceSeconds) * 1000
    if (expiresAt <= now()) throw new Error('the status list has expired')
    if (ttl !== undefined && !(isTime(ttl) && ttl > 0)) throw new Error('ttl is not a positive number')
    return { ...(await decodeStatusList(list)), etag, expiresAt, ttlSeconds: ttl ?? DEFAULT_TTL_SECONDS }
  }
}

// Token Status List, section 6.2.
function readReference(claim: unknown): { idx: number; uri: string } {
  const { status_list: list } = isRecord(claim) ? claim : {}
  const { idx, uri } = isRecord(list) ? list : {}
  if (!Number.isSafeInteger(idx) || (idx as number) < 0 || typeof uri !== 'string')
    throw new TokenError('status_invalid', { reason: 'no idx and uri' })
  return { idx: idx as number, uri }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
