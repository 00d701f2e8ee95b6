import { OAuthError } from './oauth-error.ts'

// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by one space.
export const MAX_SCOPE_LENGTH = 100
const SCOPE_TOKEN = new RegExp(`^[\\x21\\x23-\\x5b\\x5d-\\x7e]{1,${MAX_SCOPE_LENGTH}}$`)

export function isScopeToken(value: string): boolean {
  return SCOPE_TOKEN.test(value)
}

/** Requested scope tokens without duplicates, in order; `undefined`: none requested. */
export function parseScope(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined
  const tokens = value.split(' ')
  if (tokens.includes(''))
    throw new OAuthError('invalid_scope', 'The scope has an extra space: write one between two scopes.')
  if (!tokens.every(isScopeToken)) throw new OAuthError('invalid_scope', 'The scope is malformed.')
  return [...new Set(tokens)]
}

/**
 * Computes the scope of a token from the allowed scopes.
 * @param known scopes of the realm; an unknown one is not logged, since it could hold anything
 */
export function grantScope(
  asked: readonly string[] | undefined,
  allowed: readonly string[],
  known: readonly string[],
): readonly string[] {
  // OpenID Connect clients always request `openid`. Like Keycloak, ignore it where the realm does not define it.
  const meant = known.includes('openid') ? asked : asked?.filter((token) => token !== 'openid')
  if (meant === undefined || meant.length === 0) return allowed
  const excess = meant.find((token) => !allowed.includes(token))
  if (excess === undefined) return meant
  const reason = known.includes(excess)
    ? `scope not allowed: ${excess}`
    : 'a scope that the realm does not have'
  throw new OAuthError('invalid_scope', 'The client may not have that scope.', reason)
}
