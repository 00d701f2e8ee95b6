import { OAuthError } from '../../domain/oauth-error.ts'
import { parsePlatformToken } from '../../domain/platform-token.ts'
import type { WorkloadCredentials } from '../../operations/clients/workload-credentials.ts'
import type { OAuthForm } from './form.ts'

/** RFC 7523 section 2.1. */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** RFC 8693 section 2.1. */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** RFC 8693 section 3. */
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'
export const ACCESS_TOKEN_TYPE = `${TOKEN_TYPE}access_token`
const SUBJECT_TOKEN_TYPES: readonly unknown[] = [`${TOKEN_TYPE}jwt`, `${TOKEN_TYPE}id_token`]
const REQUESTED_TOKEN_TYPES: readonly unknown[] = [undefined, ACCESS_TOKEN_TYPE, `${TOKEN_TYPE}jwt`]

const CREDENTIALS = ['client_secret', 'client_assertion', 'client_assertion_type']

type PlatformGrant = typeof JWT_BEARER_GRANT | typeof TOKEN_EXCHANGE_GRANT

export function isPlatformGrant(grantType: string | undefined): grantType is PlatformGrant {
  return grantType === JWT_BEARER_GRANT || grantType === TOKEN_EXCHANGE_GRANT
}

/**
 * The token of a workload's platform, which is both the grant and who the client is.
 * @throws OAuthError `invalid_request`
 */
export function readPlatformGrant(
  authorization: string | undefined,
  form: OAuthForm,
  grantType: PlatformGrant,
): WorkloadCredentials {
  if (authorization !== undefined || CREDENTIALS.some((name) => form.get(name) !== undefined))
    throw new OAuthError('invalid_request', 'The token of the platform is the only credential of this grant.')
  if (grantType === TOKEN_EXCHANGE_GRANT) checkExchange(form)
  const member = grantType === JWT_BEARER_GRANT ? 'assertion' : 'subject_token'
  const text = form.get(member)
  if (text === undefined) throw new OAuthError('invalid_request', `${member} is missing.`)
  return { platformToken: parsePlatformToken(text), text, clientId: form.get('client_id') }
}

function checkExchange(form: OAuthForm): void {
  if (form.get('actor_token') !== undefined || form.get('actor_token_type') !== undefined)
    throw new OAuthError('invalid_request', 'actor_token is not supported: the workload acts for itself.')
  if (!SUBJECT_TOKEN_TYPES.includes(form.get('subject_token_type')))
    throw new OAuthError('invalid_request', `subject_token_type must be ${SUBJECT_TOKEN_TYPES.join(' or ')}.`)
  if (!REQUESTED_TOKEN_TYPES.includes(form.get('requested_token_type')))
    throw new OAuthError('invalid_request', `requested_token_type must be ${ACCESS_TOKEN_TYPE}, or absent.`)
}
