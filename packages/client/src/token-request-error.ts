/** Why no token was had. Its message holds no secret and may be logged. */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError'
  /** The error code of RFC 6749 section 5.2; `undefined` where the issuer did not answer, or not as the RFC says. */
  readonly code: string | undefined
  /** The HTTP status; `undefined` where there was no answer. */
  readonly status: number | undefined
  /** How long the issuer asks to wait (`Retry-After`), in seconds. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    message: string,
    detail: {
      code?: string | undefined
      status?: number
      retryAfterSeconds?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, { cause: detail.cause })
    this.code = detail.code
    this.status = detail.status
    this.retryAfterSeconds = detail.retryAfterSeconds
  }

  /** Whether the same request may succeed later: no answer, 429, or a fault of the server. */
  get mayPass(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500
  }
}
