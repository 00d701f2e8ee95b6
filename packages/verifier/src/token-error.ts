/**
 * Why a token or a request was refused. The codes are stable; new ones may be added.
 *
 * | code | when |
 * | --- | --- |
 * | `missing_token` | the request carries no Bearer token |
 * | `invalid_request` | the request sends a token twice, or not as RFC 6750 section 2.1 writes it |
 * | `too_large` | longer than `maxTokenBytes` |
 * | `malformed` | not a compact JWS of two JSON objects, or JSON nested deeper than 16 |
 * | `duplicate_member` | a JSON member occurs twice (RFC 7519 section 4) |
 * | `forbidden_header` | `crit`, `jku`, `jwk`, `x5u`, `x5c` or `b64` in the header (RFC 8725 section 3.10) |
 * | `wrong_type` | `typ` is not `at+jwt` (RFC 9068 section 4, RFC 8725 section 3.11) |
 * | `algorithm_not_allowed` | `alg` is not in `algorithms` (RFC 8725 section 3.1) |
 * | `algorithm_mismatch` | `alg` is not the key's own |
 * | `unknown_key` | the issuer publishes no such key, or this runtime cannot use it |
 * | `bad_signature` | the signature does not verify |
 * | `wrong_issuer`, `wrong_audience` | the token is another issuer's, or for another resource |
 * | `expired`, `not_yet_valid` | `exp` has passed; `iat` or `nbf` lies in the future |
 * | `invalid_claim` | a claim of RFC 9068 section 2.2 is missing or of the wrong type |
 * | `revoked`, `suspended` | the status list says so |
 * | `status_missing` | no `status` claim, and `requireStatus` is on |
 * | `status_invalid` | the `status` claim points outside the issuer or the list |
 * | `keys_unavailable`, `status_unavailable`, `introspection_unavailable` | the issuer cannot be asked |
 * | `details_omitted` | permissions were left out of the token, and `introspection` is not set |
 * | `insufficient_scope`, `insufficient_role`, `insufficient_permission` | valid, but not for this |
 */
export type TokenErrorCode = keyof typeof ANSWERS

/** The error codes of RFC 6750 section 3.1. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope'

interface Answer {
  readonly status: 400 | 401 | 403 | 500 | 503
  readonly error?: BearerError
  readonly text: string
}

const invalid = (text: string) => ({ status: 401, error: 'invalid_token', text }) as const
const insufficient = (text: string) => ({ status: 403, error: 'insufficient_scope', text }) as const
const unavailable = (text: string) => ({ status: 503, text }) as const

const ANSWERS = {
  missing_token: { status: 401, text: 'A Bearer token is needed' },
  invalid_request: { status: 400, error: 'invalid_request', text: 'Send one Bearer token, once' },
  too_large: invalid('The token is too large'),
  malformed: invalid('The token is malformed'),
  duplicate_member: invalid('The token has a member twice'),
  forbidden_header: invalid('The token has a header parameter that is not accepted'),
  wrong_type: invalid('The token is not an access token'),
  algorithm_not_allowed: invalid('The algorithm of the token is not accepted'),
  algorithm_mismatch: invalid('The algorithm of the token is not that of its key'),
  unknown_key: invalid('The key of the token is unknown'),
  bad_signature: invalid('The signature of the token is wrong'),
  wrong_issuer: invalid('The token is from another issuer'),
  wrong_audience: invalid('The token is for another audience'),
  expired: invalid('The token has expired'),
  not_yet_valid: invalid('The token is not valid yet'),
  invalid_claim: invalid('A claim of the token is missing or invalid'),
  revoked: invalid('The token has been revoked'),
  suspended: invalid('The token has been suspended'),
  status_missing: invalid('The token has no status'),
  status_invalid: invalid('The status of the token cannot be known'),
  keys_unavailable: unavailable('The keys of the issuer are out of reach'),
  status_unavailable: unavailable('The status list of the issuer is out of reach'),
  introspection_unavailable: unavailable('The introspection endpoint of the issuer is out of reach'),
  details_omitted: { status: 500, text: 'The permissions of the token can only be had by introspection' },
  insufficient_scope: insufficient('The token lacks the scope'),
  insufficient_role: insufficient('The token lacks the role'),
  insufficient_permission: insufficient('The token does not permit this here'),
} satisfies Record<string, Answer>

/** Details of a refusal, besides its code. */
export interface TokenErrorDetail {
  /** For the log, never for the client. */
  readonly reason?: string
  /** The scope that would have been needed (RFC 6750 section 3). */
  readonly scope?: string
  readonly cause?: unknown
}

/**
 * A refusal. Its `message` is fixed ASCII text and may be sent to the client; `reason` and `cause` may not.
 *
 * `status` and `headers` are what Fastify, Express and Connect look for on an error, so one that is thrown in a
 * handler is answered with the right status and challenge without further ado.
 */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode
  /** The HTTP status: 400, 401 or 403; 503 when the issuer cannot be asked; 500 for a missing option. */
  readonly status: number
  /** The error code of RFC 6750 section 3.1; none when no token was sent, and none with 500 and 503. */
  readonly error: BearerError | undefined
  readonly scope: string | undefined
  readonly reason: string | undefined

  constructor(code: TokenErrorCode, { reason, scope, cause }: TokenErrorDetail = {}) {
    const answer: Answer = ANSWERS[code]
    super(answer.text, { cause })
    this.code = code
    this.status = answer.status
    this.error = answer.error
    this.scope = scope
    this.reason = reason
  }

  /** The headers of the answer: the challenge of RFC 6750 section 3, or `retry-after` with 503. */
  get headers(): Record<string, string> {
    return this.headersWith(undefined)
  }

  /** The headers of the answer; the challenge names where the API's metadata stands (RFC 9728 section 5.1). */
  headersWith(resourceMetadata: string | undefined): Record<string, string> {
    if (this.status === 503) return { 'retry-after': '1' }
    if (this.status === 500) return {}
    const more = resourceMetadata === undefined ? '' : `, resource_metadata="${resourceMetadata}"`
    return { 'www-authenticate': this.challenge() + more }
  }

  /** The value of `WWW-Authenticate`. */
  challenge(realm = 'api'): string {
    const parameters = [`realm="${realm}"`]
    if (this.error) parameters.push(`error="${this.error}"`, `error_description="${this.message}"`)
    if (this.scope !== undefined) parameters.push(`scope="${this.scope}"`)
    return `Bearer ${parameters.join(', ')}`
  }

  /** The body of the answer; undefined when no token was sent (RFC 6750 section 3.1). */
  get body(): { error: string; error_description: string } | undefined {
    if (this.code === 'missing_token') return undefined
    const error = this.error ?? (this.status === 503 ? 'temporarily_unavailable' : 'server_error')
    return { error, error_description: this.message }
  }
}
