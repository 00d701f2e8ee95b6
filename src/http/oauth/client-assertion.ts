import { CLIENT_ASSERTION_TYPE, parseClientAssertion, subjectOf } from '../../domain/client-assertion.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { AssertionCredentials } from '../../operations/clients/client-assertions.ts'
import type { OAuthForm } from './form.ts'

/**
 * An assertion in the form (RFC 7521 section 4.2, RFC 7523 section 2.2).
 * @throws OAuthError `invalid_request` beside other credentials; `invalid_client` for half of it, or of another type
 */
export function readClientAssertion(
  authorization: string | undefined,
  form: OAuthForm,
): AssertionCredentials {
  if (authorization !== undefined || form.get('client_secret') !== undefined)
    throw new OAuthError('invalid_request', 'Credentials were sent in two ways.')
  if (form.get('client_assertion_type') !== CLIENT_ASSERTION_TYPE)
    throw failed(`client_assertion_type must be ${CLIENT_ASSERTION_TYPE}`)
  const text = form.get('client_assertion')
  if (text === undefined) throw failed('client_assertion is missing')
  const assertion = parseClientAssertion(text)
  const clientId = typeof assertion === 'string' ? undefined : subjectOf(assertion)
  return { assertion, clientId, named: form.get('client_id') }
}

function failed(why: string): OAuthError {
  return new OAuthError('invalid_client', `Client authentication failed: ${why}.`)
}
