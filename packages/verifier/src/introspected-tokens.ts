import type { AccessToken } from './access-token.ts'
import { type IntrospectionOptions, introspectToken } from './introspection.ts'

interface Kept {
  readonly askedAt: number
  readonly answer: Promise<AccessToken>
}

const MAX_TOKENS = 10_000

/** Asks the issuer about each token, or keeps its answer for as long as the options allow. */
export class IntrospectedTokens {
  readonly #options: IntrospectionOptions
  readonly #maxAgeMs: number
  readonly #now: () => number
  readonly #kept = new Map<string, Kept>()

  constructor(options: IntrospectionOptions, maxAgeSeconds: number, now: () => number) {
    this.#options = options
    this.#maxAgeMs = maxAgeSeconds * 1000
    this.#now = now
  }

  /** @throws {TokenError} `revoked`, `introspection_unavailable` */
  check(token: AccessToken, text: string): Promise<AccessToken> {
    if (this.#maxAgeMs === 0) return introspectToken(token, text, this.#options)
    const now = this.#now()
    const kept = this.#kept.get(text)
    if (kept && kept.askedAt <= now && now - kept.askedAt < this.#maxAgeMs) return kept.answer
    return this.#ask(token, text, now)
  }

  #ask(token: AccessToken, text: string, now: number): Promise<AccessToken> {
    const kept = { askedAt: now, answer: introspectToken(token, text, this.#options) }
    this.#kept.delete(text)
    if (this.#kept.size >= MAX_TOKENS) this.#kept.delete(this.#kept.keys().next().value as string)
    this.#kept.set(text, kept)
    // A refusal or a failure is not kept: the next request asks again.
    kept.answer.catch(() => this.#kept.get(text) === kept && this.#kept.delete(text))
    return kept.answer
  }
}
