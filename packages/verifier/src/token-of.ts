import type { AccessToken } from './access-token.ts'
import { TokenError } from './token-error.ts'

/**
 * The verified token of a request that passed `fastifyVerifier` or `connectVerifier`.
 * @throws {TokenError} `missing_token` (401) where the request passed neither
 */
export function tokenOf(request: object): AccessToken {
  const { token } = request as { readonly token?: AccessToken | null }
  if (!token) throw new TokenError('missing_token', { reason: 'the verifier did not run for this route' })
  return token
}
