/** Why no token was had, for a person. */
export class TokenFault extends Error {
  override readonly name = 'TokenFault'
  /** How long the issuer asks to wait. */
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, retryAfterSeconds?: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}
