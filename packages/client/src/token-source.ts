import { readOptions, type TokenSourceOptions, type TokenSourceSettings } from './options.ts'
import { requestToken } from './token-request.ts'
import { TokenRequestError } from './token-request-error.ts'

export type { TokenSourceOptions } from './options.ts'

/** Access tokens for one program. Make one and keep it. */
export interface TokenSource {
  /**
   * A token that is good now. However many ask, one request is under way. From three quarters of its life on the token is
   * renewed in the background; while that fails, the old one is given until it ends. After a failure the issuer is left
   * alone for a second, or for as long as its Retry-After says.
   * @throws {TokenRequestError}
   */
  token(): Promise<string>
  /** Forgets the token, for an API refused it. The next caller gets a new one. */
  drop(token: string): void
  /**
   * `fetch` with the token. After a 401 it drops the token and tries once more with a new one; a body that is a stream
   * cannot be sent twice, so its 401 is the answer.
   */
  fetch(input: string | URL, init?: RequestInit): Promise<Response>
}

interface Held {
  readonly token: string
  readonly renewAt: number
  readonly endsAt: number
}

const RENEW_AT = 0.75
const SPREAD = 0.1
/** What is kept in hand of a token's life for the way to the API. */
const IN_HAND_MS = 2000
const PAUSE_AFTER_FAILURE_MS = 1000

/**
 * Makes a source of tokens. Nothing is asked before the first token.
 * @throws {TypeError} when an option is missing or wrong
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const cache = new TokenCache(readOptions(options))
  const token = () => cache.get()
  const drop = (text: string) => cache.drop(text)
  return { token, drop, fetch: (input, init) => fetchWith({ token, drop }, input, init) }
}

class TokenCache {
  readonly #settings: TokenSourceSettings
  #held: Held | undefined
  #underWay: Promise<string> | undefined
  #failure: { readonly error: unknown; readonly until: number } | undefined

  constructor(settings: TokenSourceSettings) {
    this.#settings = settings
  }

  async get(): Promise<string> {
    const held = this.#held
    const now = this.#settings.now()
    const paused = this.#failure !== undefined && now < this.#failure.until
    if (held && now < held.endsAt) {
      if (now >= held.renewAt && !paused) this.#renew().catch(() => undefined)
      return held.token
    }
    if (paused && !this.#underWay) throw this.#failure?.error
    return this.#renew()
  }

  drop(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  #renew(): Promise<string> {
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #ask(): Promise<string> {
    const { now, random } = this.#settings
    // Its life counts from before the request: the answer may have been long on its way.
    const startedAt = now()
    try {
      const { accessToken, expiresInSeconds } = await requestToken(this.#settings)
      const life = expiresInSeconds * 1000
      const renewAt = startedAt + life * (RENEW_AT + (2 * random() - 1) * SPREAD)
      this.#held = { token: accessToken, renewAt, endsAt: startedAt + life - IN_HAND_MS }
      this.#failure = undefined
      return accessToken
    } catch (error) {
      const wait = error instanceof TokenRequestError ? error.retryAfterSeconds : undefined
      this.#failure = { error, until: now() + Math.max(PAUSE_AFTER_FAILURE_MS, (wait ?? 0) * 1000) }
      throw error
    }
  }
}

async function fetchWith(
  { token, drop }: Pick<TokenSource, 'token' | 'drop'>,
  input: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const send = (text: string) => {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${text}`)
    return fetch(input, { ...init, headers })
  }
  const first = await token()
  const response = await send(first)
  if (response.status !== 401 || init.body instanceof ReadableStream) return response
  await response.body?.cancel()
  drop(first)
  return send(await token())
}
