import { type KeycloakClient, type KeycloakRealm, type KeycloakRole, roleKey } from './keycloak-realm.ts'
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
}

/** Roles that an account gets here: those of the realm by name, those of a client as `client:role`. */
export function rolesOfClient(
  { realm, withOwn, mapped }: RoleSource,
  client: KeycloakClient,
  leave: (reason: string) => void,
): string[] {
  const isTaken = (role: KeycloakRole) => withOwn || !isOwn(role)
  const held = allRoles(realm, realm.rolesOf?.get(client.clientId) ?? []).filter(isTaken)
  if (held.length > 0 && !client.hasFullScope) {
    leave(
      'Its tokens have only some of its roles (fullScopeAllowed is off), so none is taken over: give it roles here.',
    )
    held.length = 0
  }
  const names: string[] = []
  // What a mapper puts into tokens is there whatever the client's scope.
  for (const role of unique([...held, ...mapped])) {
    const fault = faultOf(realm, role)
    if (fault === undefined) names.push(nameOf(role))
    else leave(`Role ${nameOf(role)}: ${fault}`)
  }
  return names.sort()
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
function allRoles(realm: KeycloakRealm, held: readonly KeycloakRole[]): KeycloakRole[] {
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
