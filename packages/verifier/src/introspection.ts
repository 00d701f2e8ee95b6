import { type AuthorizationDetail, readDetails } from './access-token.ts'
import { fetchText } from './fetch-text.ts'
import { parseStrictObject } from './strict-json.ts'
import { TokenError } from './token-error.ts'

export interface IntrospectionOptions {
  readonly fetchBase: string
  readonly clientId: string
  readonly clientSecret: string
  readonly timeoutSeconds: number
}

const MAX_BYTES = 4 * 1024 * 1024

/** Asks the issuer for the permissions that the token left out (RFC 7662). */
export async function introspectDetails(
  token: string,
  options: IntrospectionOptions,
): Promise<readonly AuthorizationDetail[]> {
  const { active, authorization_details } = await askIssuer(token, options)
  if (active !== true) throw new TokenError('revoked', { reason: 'introspection says it is not active' })
  return readDetails(authorization_details)
}

async function askIssuer(
  token: string,
  { fetchBase, clientId, clientSecret, timeoutSeconds }: IntrospectionOptions,
) {
  try {
    const { text } = await fetchText(`${fetchBase}/protocol/openid-connect/token/introspect`, {
      accept: 'application/json',
      maxBytes: MAX_BYTES,
      timeoutSeconds,
      form: new URLSearchParams({ token, token_type_hint: 'access_token' }),
      authorization: `Basic ${btoa(`${formEncode(clientId)}:${formEncode(clientSecret)}`)}`,
    })
    return parseStrictObject(text as string)
  } catch (cause) {
    throw new TokenError('introspection_unavailable', { cause })
  }
}

// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
function formEncode(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2)
}
