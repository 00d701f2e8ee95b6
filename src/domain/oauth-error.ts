import type { QuotaState } from './quota.ts'

export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'temporarily_unavailable'
  | 'server_error'

/** Why client authentication failed, for those who look after the account. The client is told less. */
export type AuthenticationFault =
  | 'no_credentials'
  | 'unknown_client'
  | 'account_disabled'
  | 'account_ended'
  | 'network_not_allowed'
  | 'wrong_secret'
  | 'secret_ended'
  | 'wrong_assertion'
  | 'wrong_platform_token'

/** A refusal that the client can act on. Any other error is a fault and answers `server_error`. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly code: OAuthErrorCode
  readonly description: string
  /** What the refusal is counted as, where that is finer than its code. */
  readonly fault: AuthenticationFault | undefined

  /**
   * @param description sent to the client: printable ASCII without `"` and `\` (RFC 6749 section 5.2)
   * @param reason logged, never sent
   * @param fault counted, never sent
   */
  constructor(code: OAuthErrorCode, description: string, reason?: string, fault?: AuthenticationFault) {
    super(reason ?? description)
    this.code = code
    this.description = description
    this.fault = fault
  }
}

/** Too many failures: the caller must wait. Status 429 (RFC 6585 section 4). */
export class TooManyFailuresError extends Error {
  override readonly name = 'TooManyFailuresError'
  readonly retryAfterSeconds: number

  readonly description: string

  /**
   * @param key counter with too many failures, for the log
   * @param description sent to the client
   */
  constructor(
    retryAfterSeconds: number,
    key: string,
    description = 'Too many failed attempts. Wait and try again.',
  ) {
    super(`too many failures: ${key}`)
    this.retryAfterSeconds = retryAfterSeconds
    this.description = description
  }
}

/** A quota of tokens is used up. Status 429 (RFC 6585 section 4). */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  readonly state: QuotaState

  /** @param whose of whom and of which period, for the log */
  constructor(state: QuotaState, whose: string) {
    super(`the quota is used up: of ${whose}`)
    this.state = state
  }

  get description(): string {
    const { limit, period } = this.state
    return `The quota of ${limit} tokens a${period === 'hour' ? 'n hour' : ' day'} is used up. Use each token until it expires.`
  }
}

/** The realm does not exist. The only refusal of these endpoints that OAuth does not define. */
export class UnknownRealmError extends Error {
  override readonly name = 'UnknownRealmError'
}
