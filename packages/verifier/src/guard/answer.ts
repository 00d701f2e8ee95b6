import type { AccessToken } from '../access-token.ts'
import type { TokenError } from '../token-error.ts'

export interface Answer {
  readonly status: number
  /** Names and values in turn, as Node writes them fastest. */
  readonly headers: readonly string[]
  readonly body?: string
}

/** Longer grants are left out: proxies bound the headers that they take. */
const MAX_GRANTS = 4096

/** Makes an answer of a status, headers and a body, and says how long that is. */
export function answerOf(status: number, headers: Readonly<Record<string, string>>, body?: string): Answer {
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body ?? '')) }
  return { status, headers: Object.entries(all).flat(), ...(body !== undefined && { body }) }
}

/** What the proxy hands on to the API. */
export function accepted(token: AccessToken): Answer {
  const grants = asciiJson(token.authorizationDetails)
  const fits = grants.length <= MAX_GRANTS && !token.authorizationDetailsOmitted
  return answerOf(200, {
    'x-auth-issuer': token.issuer,
    'x-auth-client-id': encode(token.clientId),
    'x-auth-scope': token.scope.map(encode).join(' '),
    'x-auth-roles': token.roles.map(encode).join(' '),
    'x-auth-expires': String(Math.floor(token.expiresAt.getTime() / 1000)),
    ...(fits ? { 'x-auth-grants': grants } : { 'x-auth-grants-omitted': 'true' }),
  })
}

/** Proxies know four answers: 200, 401, 403 and 503. nginx takes any other for a fault of the guard. */
export function refused({ status, headers, body }: TokenError): Answer {
  const told = status === 400 ? 401 : status === 500 ? 503 : status
  return body ? jsonAnswer(told, headers, body) : answerOf(told, headers)
}

/** The proxy asked what the guard does not know: nothing passes. */
export const MISCONFIGURED = jsonAnswer(
  403,
  {},
  { error: 'access_denied', error_description: 'This is not accessible.' },
)

export const FAULT = answerOf(503, { 'retry-after': '1' })

function jsonAnswer(status: number, headers: Readonly<Record<string, string>>, body: object): Answer {
  return answerOf(
    status,
    { ...headers, 'content-type': 'application/json; charset=utf-8' },
    JSON.stringify(body),
  )
}

// Percent-encoded, so that a space or a line end in one name does not make two of it. Names of Mintmark hold neither.
function encode(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x24\x26-\x7e]/gu, encodeURIComponent)
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
