import { invalidClaim, readStrings } from './claim-values.ts'
import { isRecord } from './strict-json.ts'
import { TokenError } from './token-error.ts'

/** Shapes of access tokens: what the realm's `token_profile` says. */
export const PROFILES = ['rfc9068', 'keycloak'] as const
export type TokenProfile = (typeof PROFILES)[number]

/**
 * Roles of a token or of an introspection answer. In the shape of Keycloak a role of a client is `client:role`.
 * @throws TokenError `invalid_claim`
 */
export function readRoles(claims: Record<string, unknown>, profile: TokenProfile): readonly string[] {
  if (profile === 'rfc9068') return readStrings(claims, 'roles')
  const { realm_access: ofRealm, resource_access: ofClients = {} } = claims
  if (!isRecord(ofClients)) throw invalidClaim('resource_access')
  const clients = Object.entries(ofClients).flatMap(([client, access]) =>
    rolesIn(access, 'resource_access').map((role) => `${client}:${role}`),
  )
  return [...rolesIn(ofRealm, 'realm_access'), ...clients]
}

function rolesIn(access: unknown, name: string): readonly string[] {
  if (access === undefined) return []
  if (!isRecord(access)) throw invalidClaim(name)
  return readStrings(access, 'roles')
}

/** Keycloak signs ID tokens with the same header; what a token is for, its claim `typ` says. */
export function checkKind(claims: Record<string, unknown>, profile: TokenProfile): void {
  if (profile === 'keycloak' && claims['typ'] !== 'Bearer')
    throw new TokenError('wrong_type', { reason: 'claim typ' })
}
