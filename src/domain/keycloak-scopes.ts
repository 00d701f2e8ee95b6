import type { KeycloakClient, KeycloakMapper, KeycloakRealm, KeycloakScope } from './keycloak-realm.ts'
import { allRoles } from './keycloak-roles.ts'
import { roleKey } from './keycloak-users.ts'
import { isScopeToken } from './scope.ts'

type Leave = (reason: string) => void

/** Scopes that Keycloak makes itself, for people who log in. */
const OWN_SCOPES: ReadonlySet<string> = new Set(
  'acr address basic email microprofile-jwt offline_access organization phone profile roles service_account web-origins'.split(
    ' ',
  ),
)

/** Claims that tokens have by these scopes there, and always in a realm whose tokens are in the shape of Keycloak's. */
const CLAIMS: readonly (readonly [scope: string, claims: string])[] = [
  ['acr', 'acr'],
  ['basic', 'sub'],
  ['email', 'email_verified'],
  ['profile', 'preferred_username'],
  ['service_account', 'client_id, clientHost and clientAddress'],
]

/** Default scopes that tokens of the client have: one with roles is for accounts that have one of those. */
export function permittedScopes(realm: KeycloakRealm, client: KeycloakClient): string[] {
  const held = new Set(allRoles(realm, realm.users?.get(client.clientId)?.roles ?? []).map(roleKey))
  return client.defaultScopes.filter((name) => {
    const roles = realm.scopes.get(name)?.roles ?? []
    return roles.length === 0 || allRoles(realm, roles).some((role) => held.has(roleKey(role)))
  })
}

/** The scopes of an account: those that tokens name. */
export function scopesOfClient(
  { realm, withOwn }: { readonly realm: KeycloakRealm; readonly withOwn: boolean },
  client: KeycloakClient,
  leave: Leave,
): string[] {
  const isUnnamed = (name: string) => realm.scopes.get(name)?.isNamed === false
  const isOwn = (name: string) => (!withOwn && OWN_SCOPES.has(name)) || isUnnamed(name)
  for (const name of client.optionalScopes.filter((one) => !OWN_SCOPES.has(one) && !isUnnamed(one)))
    leave(
      `Optional scope ${name}: here a token that asks for no scope has all that the account may have, so it is not among those. A client that asks for it is refused until you give it that scope.`,
    )
  if (withOwn) leaveClaims(realm, client, leave)
  const named = client.defaultScopes.filter((name) => !isOwn(name))
  for (const name of named.filter((one) => !isScopeToken(one))) leave(`Scope ${name}: it is no scope token.`)
  return [...new Set(named.filter(isScopeToken))].sort()
}

/** Tokens here have claims that those of a client without these scopes have not. */
function leaveClaims({ scopes }: KeycloakRealm, { defaultScopes }: KeycloakClient, leave: Leave): void {
  for (const [scope, claims] of CLAIMS)
    if (scopes.has(scope) && !defaultScopes.includes(scope))
      leave(`It has not the scope ${scope}: its tokens have ${claims} here all the same.`)
}

/** Mappers of the client and of its scopes, without those of scopes that Keycloak makes itself. */
export function mappersOfClient({ scopes }: KeycloakRealm, client: KeycloakClient): KeycloakMapper[] {
  const ofScopes = client.defaultScopes
    .filter((name) => !OWN_SCOPES.has(name))
    .flatMap((name) => scopes.get(name)?.mappers ?? [])
  return [...client.mappers, ...ofScopes]
}

/** Whether mappers put roles of the realm, or of clients, into tokens of the client. */
export function roleMappers({ scopes }: KeycloakRealm, client: KeycloakClient) {
  const has = (kind: string) => {
    const isSo = (one: KeycloakMapper) => one.kind === kind && one.config['access.token.claim'] !== 'false'
    const putsRoles = (scope: KeycloakScope | undefined) => scope?.mappers.some(isSo)
    // Files of before Keycloak 4, or that somebody cut down, have no scope with such a mapper: then tokens have the roles.
    if (![...scopes.values()].some(putsRoles)) return true
    return client.mappers.some(isSo) || client.defaultScopes.some((name) => putsRoles(scopes.get(name)))
  }
  return { realm: has('oidc-usermodel-realm-role-mapper'), client: has('oidc-usermodel-client-role-mapper') }
}
