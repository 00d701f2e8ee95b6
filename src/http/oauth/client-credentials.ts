import { OAuthError } from '../../domain/oauth-error.ts'
import type { ClientCredentials, SecretCredentials } from '../../operations/clients/client-authentication.ts'
import { readClientAssertion } from './client-assertion.ts'
import { formDecode, type OAuthForm } from './form.ts'

/**
 * The credentials of RFC 6749 section 2.3.1, from the header or from the form, or an assertion (RFC 7521 section 4.2).
 * @returns `undefined` if there are none, or only a client_id
 * @throws OAuthError `invalid_request` for two different credentials, and for a secret without a client_id
 */
export function readClientCredentials(
  authorization: string | undefined,
  form: OAuthForm,
): ClientCredentials | undefined {
  if (form.get('client_assertion') !== undefined || form.get('client_assertion_type') !== undefined)
    return readClientAssertion(authorization, form)
  const clientId = form.get('client_id')
  const clientSecret = form.get('client_secret')
  if (authorization !== undefined) {
    const basic = parseBasic(authorization)
    // RFC 6749 section 2.3 allows one method; Keycloak's clients send the same credentials in both.
    if (clientSecret !== undefined && clientSecret !== basic?.clientSecret)
      throw new OAuthError('invalid_request', 'Credentials were sent in two ways.')
    if (clientId !== undefined && clientId !== basic?.clientId)
      throw new OAuthError('invalid_request', 'client_id was sent with two different values.')
    return basic
  }
  return bothHalves(clientId, clientSecret)
}

function parseBasic(authorization: string): SecretCredentials | undefined {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(authorization)
  if (!match) {
    if (/^Basic( |$)/i.test(authorization)) throw malformed()
    throw new OAuthError(
      'invalid_client',
      'Client authentication failed.',
      'unsupported authentication scheme',
    )
  }
  const pair = decodeUtf8(Buffer.from(match[1] as string, 'base64'))
  const colon = pair.indexOf(':')
  if (colon < 0) throw malformed()
  // RFC 6749 appendix B: both halves are form-encoded before they are joined.
  return bothHalves(formDecode(pair.slice(0, colon)), formDecode(pair.slice(colon + 1)))
}

function bothHalves(clientId = '', clientSecret = ''): SecretCredentials | undefined {
  if (clientSecret === '') return undefined
  if (clientId === '') throw new OAuthError('invalid_request', 'client_id and client_secret go together.')
  return { clientId, clientSecret }
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed()
  }
}

function malformed(): OAuthError {
  return new OAuthError('invalid_request', 'The Authorization header is malformed.')
}
