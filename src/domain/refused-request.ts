import {
  type AuthenticationFault,
  type OAuthError,
  QuotaExceededError,
  type TooManyFailuresError,
} from './oauth-error.ts'
import { type ShadowReason, shadowReasonOf } from './shadow.ts'

/** Why a token was refused, for those who look after the account. The caller is told less. */
export type RefusedReason = ShadowReason | AuthenticationFault | 'quota_exceeded'

export function refusedReasonOf(
  error: OAuthError | TooManyFailuresError | QuotaExceededError,
): RefusedReason {
  if (error instanceof QuotaExceededError) return 'quota_exceeded'
  return ('fault' in error ? error.fault : undefined) ?? shadowReasonOf(error)
}

/** The reasons in words, as the portal says them. */
export const REFUSED_IN_WORDS: Readonly<Record<RefusedReason, string>> = {
  issued: 'Issued',
  unknown_client: 'No such client_id',
  account_disabled: 'The account is disabled',
  wrong_secret: 'A wrong secret',
  secret_ended: 'A secret that has ended or is too old',
  network_not_allowed: 'From a network that is not allowed',
  account_ended: 'The account is past its end',
  wrong_assertion: 'An assertion that was not accepted',
  wrong_platform_token: 'A token of a platform that was not accepted',
  no_credentials: 'No credentials',
  too_many_failures: 'Too many failures from that network',
  quota_exceeded: 'The quota is used up',
  invalid_request: 'The request was not understood',
  invalid_client: 'The client did not prove who it is',
  invalid_grant: 'The grant was not accepted',
  invalid_token: 'A token that is not valid',
  insufficient_scope: 'The scope is not enough',
  unauthorized_client: 'The account may not authenticate that way',
  unsupported_grant_type: 'A grant type that is not supported',
  invalid_scope: 'A scope that the account may not have',
  invalid_target: 'An audience that is not known',
  invalid_authorization_details: 'Authorization details that are not granted',
  temporarily_unavailable: 'Unavailable for the moment',
  server_error: 'A fault of the server',
}
