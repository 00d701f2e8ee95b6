import { type AccessToken, type AuthorizationDetail, readDetails, readScope } from './access-token.ts'
import { fetchText } from './fetch-text.ts'
import { readRoles, type TokenProfile } from './profile.ts'
import { parseStrictObject } from './strict-json.ts'
import { TokenError } from './token-error.ts'

export interface IntrospectionOptions {
  readonly fetchBase: string
  readonly clientId: string
  readonly clientSecret: string
  readonly timeoutSeconds: number
  readonly profile?: TokenProfile
}

const MAX_BYTES = 4 * 1024 * 1024

/** Asks the issuer for the permissions that the token left out (RFC 7662). */
export async function introspectDetails(
  token: string,
  options: IntrospectionOptions,
): Promise<readonly AuthorizationDetail[]> {
  return readDetails((await introspect(token, options))['authorization_details'])
}

/** The token with the scope, roles and permissions that its account still has, as the issuer says now (RFC 7662). */
export async function introspectToken(
  token: AccessToken,
  text: string,
  options: IntrospectionOptions,
): Promise<AccessToken> {
  const answer = await introspect(text, options)
  return {
    ...token,
    scope: readScope(answer['scope']),
    roles: readRoles(answer, options.profile ?? 'rfc9068'),
    authorizationDetails: readDetails(answer['authorization_details']),
    authorizationDetailsOmitted: false,
  }
}

/** @throws TokenError `revoked`, `introspection_unavailable` */
async function introspect(token: string, options: IntrospectionOptions): Promise<Record<string, unknown>> {
  const answer = await askIssuer(token, options)
  if (answer['active'] !== true)
    throw new TokenError('revoked', { reason: 'introspection says it is not active' })
  return answer
}

async function askIssuer(
  token: string,
  { fetchBase, clientId, clientSecret, timeoutSeconds }: IntrospectionOptions,
): Promise<Record<string, unknown>> {
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
