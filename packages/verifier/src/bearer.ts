import { TokenError } from './token-error.ts'

/** What is read of a request: Node's `IncomingMessage`, Express's and Fastify's `request.raw` have it. */
export interface BearerRequest {
  readonly headers: { readonly authorization?: string | undefined }
  /** Names and values as received. Node keeps only the first of two Authorization headers in `headers`. */
  readonly rawHeaders?: readonly string[]
  readonly url?: string | undefined
}

const AUTHORIZATION = 'authorization'
const SCHEME = /^bearer(?: |$)/i
// RFC 6750 section 2.1: b64token.
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** The Bearer token of a request. Throws `missing_token` (401) or `invalid_request` (400). */
export function readBearerToken({ headers, rawHeaders, url }: BearerRequest): string {
  const { authorization } = headers
  if (countAuthorization(rawHeaders) > 1)
    throw new TokenError('invalid_request', { reason: 'two Authorization headers' })
  if (authorization === undefined || !SCHEME.test(authorization)) throw new TokenError('missing_token')
  const token = CREDENTIALS.exec(authorization)?.[1]
  if (token === undefined)
    throw new TokenError('invalid_request', { reason: 'not the syntax of RFC 6750 section 2.1' })
  // RFC 6750 section 2: one method a request. In a URL a token is never accepted, for URLs end up in logs.
  if (
    url?.includes('access_token=') &&
    new URLSearchParams(url.slice(url.indexOf('?') + 1)).has('access_token')
  )
    throw new TokenError('invalid_request', { reason: 'a second token in the URL' })
  return token
}

function countAuthorization(rawHeaders: readonly string[] = []): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) count++
  }
  return count
}
