import type { AccessToken } from '../access-token.ts'
import type { TokenError } from '../token-error.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Longer grants are left out: proxies bound the headers that they take. */
const MAX_GRANTS = 4096

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

/** What the proxy hands on to the API. */
export function accepted(token: AccessToken): Answer {
  const grants = asciiJson(token.authorizationDetails)
  const fits = grants.length <= MAX_GRANTS && !token.authorizationDetailsOmitted
  return {
    status: 200,
    headers: {
      'x-auth-issuer': token.issuer,
      'x-auth-client-id': encode(token.clientId),
      'x-auth-scope': encode(token.scope.join(' ')),
      'x-auth-roles': encode(token.roles.join(' ')),
      'x-auth-expires': String(Math.floor(token.expiresAt.getTime() / 1000)),
      ...(fits ? { 'x-auth-grants': grants } : { 'x-auth-grants-omitted': 'true' }),
    },
  }
}

export function refused({ status, headers, body }: TokenError): Answer {
  return {
    status,
    headers: { ...headers, ...(body && JSON_TYPE) },
    ...(body && { body: JSON.stringify(body) }),
  }
}

/** The proxy asked what the guard does not know: nothing passes. */
export const MISCONFIGURED: Answer = {
  status: 403,
  headers: JSON_TYPE,
  body: JSON.stringify({ error: 'access_denied', error_description: 'This is not accessible.' }),
}

// A header value is ASCII; the names of Mintmark are too, so this changes none of them.
function encode(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, encodeURIComponent)
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
