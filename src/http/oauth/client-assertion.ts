import {
  CLIENT_ASSERTION_TYPE,
  type ClientAssertion,
  parseClientAssertion,
  subjectOf,
} from '../../domain/client-assertion.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { issuersNamedBy, type PlatformToken, SPIFFE_ASSERTION_TYPE } from '../../domain/platform-token.ts'
import type { AssertionCredentials } from '../../operations/clients/client-assertions.ts'
import type { WorkloadCredentials } from '../../operations/clients/workload-credentials.ts'
import type { OAuthForm } from './form.ts'

/**
 * An assertion in the form (RFC 7521 section 4.2, RFC 7523 section 2.2).
 * @throws OAuthError `invalid_request` beside other credentials; `invalid_client` for half of it, or of another type
 */
export function readClientAssertion(
  authorization: string | undefined,
  form: OAuthForm,
): AssertionCredentials | WorkloadCredentials {
  if (authorization !== undefined || form.get('client_secret') !== undefined)
    throw new OAuthError('invalid_request', 'Credentials were sent in two ways.')
  const type = form.get('client_assertion_type')
  if (type !== CLIENT_ASSERTION_TYPE && type !== SPIFFE_ASSERTION_TYPE)
    throw failed(`client_assertion_type must be ${CLIENT_ASSERTION_TYPE}, or ${SPIFFE_ASSERTION_TYPE}`)
  const text = form.get('client_assertion')
  if (text === undefined) throw failed('client_assertion is missing')
  const assertion = parseClientAssertion(text)
  const named = form.get('client_id')
  // A client that signs for itself is its own issuer; what another signed is the token of a platform.
  if (type === SPIFFE_ASSERTION_TYPE || isOfPlatform(assertion))
    return { platformToken: assertion as PlatformToken, text, clientId: named }
  const clientId = typeof assertion === 'string' ? undefined : subjectOf(assertion)
  return { assertion, clientId, named }
}

function isOfPlatform(assertion: ClientAssertion | string): boolean {
  if (typeof assertion === 'string') return false
  const { iss, sub } = assertion.claims
  // No client_id has a colon.
  return iss !== sub && issuersNamedBy(assertion).some((name) => name.includes('://'))
}

function failed(why: string): OAuthError {
  return new OAuthError('invalid_client', `Client authentication failed: ${why}.`)
}
