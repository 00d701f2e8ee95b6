import type { AccessToken, AuthorizationDetail } from './access-token.ts'
import { TokenError } from './token-error.ts'

/** What a permission is asked for. */
export interface Target {
  /** What kind of thing, for example `device`. */
  readonly type: string
  readonly id: string
  /** The groups it is in: a permission of type `<type>_group` on one of them counts. */
  readonly groups?: readonly string[]
}

/** Throws `insufficient_scope` (403) unless the token has the scope. */
export function requireScope(token: AccessToken, scope: string): void {
  if (!token.scope.includes(scope)) throw new TokenError('insufficient_scope', { scope })
}

/**
 * Throws `insufficient_role` (403) unless the token has the role on the whole realm. No role implies another: a
 * token that may `manage` has `view` only if the issuer says so.
 */
export function requireRole(token: AccessToken, role: string): void {
  if (!token.roles.includes(role)) throw new TokenError('insufficient_role', { reason: role })
}

export function grants(details: readonly AuthorizationDetail[], target: Target, role: string): boolean {
  return details.some((detail) => detail.privileges?.includes(role) && covers(detail, target))
}

function covers({ type, identifier }: AuthorizationDetail, target: Target): boolean {
  if (identifier === undefined) return false
  if (type === target.type) return identifier === target.id
  return type === `${target.type}_group` && (target.groups?.includes(identifier) ?? false)
}
