import type { AccessToken } from './access-token.ts'
import type { SignedJwt } from './signed-jwt.ts'

/** A token whose signature held, and the key that it held for. Once remembered, the token is frozen. */
export interface VerifiedToken {
  readonly jwt: SignedJwt
  readonly token: AccessToken
  readonly key: unknown
}

/** Longer tokens are verified each time: memory stays within a few hundred MB at the most. */
export const MAX_REMEMBERED_LENGTH = 4096

/** Remembers tokens whose signature held. Times, key and status are the caller's to check each time. */
export class VerifiedTokens {
  readonly #max: number
  readonly #tokens = new Map<string, VerifiedToken>()

  constructor(max: number) {
    this.#max = max
  }

  get(text: string): VerifiedToken | undefined {
    return this.#tokens.get(text)
  }

  add(verified: VerifiedToken): void {
    const { text } = verified.jwt
    if (this.#max === 0 || text.length > MAX_REMEMBERED_LENGTH) return
    if (this.#tokens.size >= this.#max) this.#tokens.delete(this.#tokens.keys().next().value as string)
    this.#tokens.set(text, { ...verified, token: Object.freeze({ ...verified.token }) })
  }

  forget(text: string): void {
    this.#tokens.delete(text)
  }
}
