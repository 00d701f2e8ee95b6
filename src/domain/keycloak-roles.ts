import type { KeycloakClient, KeycloakRealm } from './keycloak-realm.ts'
import { type KeycloakRole, roleKey } from './keycloak-users.ts'
import { isCustomRole } from './realm-settings.ts'

/** Roles that Keycloak gives to everybody, which mean nothing to an API. */
const OWN_ROLES: ReadonlySet<string> = new Set(['offline_access', 'uma_authorization'])

/** Clients of Keycloak's own, whose roles are about Keycloak itself. */
const OWN_CLIENTS: ReadonlySet<string> = new Set([
  'account',
  'broker',
  'realm-management',
  'security-admin-console',
])

interface RoleSource {
  readonly realm: KeycloakRealm
  /** With the roles that Keycloak gives to everybody: tokens then have all that they had. */
  readonly withOwn: boolean
  /** Roles that mappers of the client put into its tokens. */
  readonly mapped: readonly KeycloakRole[]
  /** Whether tokens have roles of the realm, and of clients. */
  readonly puts: { readonly realm: boolean; readonly client: boolean }
}

/** Roles that an account gets here: those of the realm by name, those of a client as `client:role`. */
export function rolesOfClient(
  { realm, withOwn, mapped, puts }: RoleSource,
  client: KeycloakClient,
  leave: (reason: string) => void,
): string[] {
  const all = allRoles(realm, realm.users?.get(client.clientId)?.roles ?? []).filter(
    (role) => withOwn || !isOwn(role),
  )
  const held = all.filter(inScope(realm, client))
  const others = all.filter((role) => !held.includes(role)).map(nameOf)
  if (others.length > 0)
    leave(`Roles ${others.sort().join(' ')}: its tokens have not got them, since fullScopeAllowed is off.`)
  const put = held.filter((role) => (role.client === undefined ? puts.realm : puts.client))
  if (put.length < held.length)
    leave(
      'No mapper puts all of its roles into its tokens (the scope roles does), so those are not taken over.',
    )
  const names: string[] = []
  // What a mapper puts into tokens is there whatever the client's scope.
  for (const role of unique([...put, ...mapped])) {
    const fault = faultOf(realm, role)
    if (fault === undefined) names.push(nameOf(role))
    else leave(`Role ${nameOf(role)}: ${fault}`)
  }
  return names.sort()
}

/** Which roles tokens of a client may have: without full scope its own ones, and those of its scope and of its scopes. */
function inScope(realm: KeycloakRealm, client: KeycloakClient): (role: KeycloakRole) => boolean {
  if (client.hasFullScope) return () => true
  const own = (realm.clientRoles.get(client.clientId) ?? []).map((name) => ({
    client: client.clientId,
    name,
  }))
  const ofScopes = client.defaultScopes.flatMap((name) => realm.scopes.get(name)?.roles ?? [])
  const allowed = new Set(allRoles(realm, [...own, ...client.scopeRoles, ...ofScopes]).map(roleKey))
  return (role) => allowed.has(roleKey(role))
}

function nameOf({ client, name }: KeycloakRole): string {
  return client === undefined ? name : `${client}:${name}`
}

function faultOf(realm: KeycloakRealm, role: KeycloakRole): string | undefined {
  const name = nameOf(role)
  if (role.client === 'realm-management') return 'it administers Keycloak.'
  if (role.client !== undefined && realm.composites.has(roleKey({ client: undefined, name })))
    return 'a role of the realm has that name.'
  // A built-in role may administer this server: never give it because of its name.
  if (!isCustomRole(name))
    return 'a role here has up to 63 lower-case letters, digits and . _ : -, and no name of a built-in one.'
  return undefined
}

/** Roles with all that they bring along. */
export function allRoles(realm: KeycloakRealm, held: readonly KeycloakRole[]): KeycloakRole[] {
  const found = new Map<string, KeycloakRole>()
  const waiting = [...held]
  for (let role = waiting.pop(); role; role = waiting.pop()) {
    const key = roleKey(role)
    if (found.has(key)) continue
    found.set(key, role)
    waiting.push(...(realm.composites.get(key) ?? []))
  }
  return [...found.values()]
}

function unique(roles: readonly KeycloakRole[]): KeycloakRole[] {
  return [...new Map(roles.map((role) => [roleKey(role), role])).values()]
}

function isOwn({ client, name }: KeycloakRole): boolean {
  if (client === undefined) return OWN_ROLES.has(name) || name.startsWith('default-roles-')
  return OWN_CLIENTS.has(client) && client !== 'realm-management'
}
