import type { TokenProfile, TokenTypeHeader } from './realm.ts'

/** `typ` in the header of a realm's tokens. */
export function typeHeaderOf(realm: {
  readonly tokenProfile: TokenProfile
  readonly tokenTypeHeader: TokenTypeHeader
}): TokenTypeHeader {
  return realm.tokenProfile === 'keycloak' ? 'JWT' : realm.tokenTypeHeader
}

interface Roles {
  readonly roles: readonly string[]
}

/** Roles in the claims of Keycloak's tokens. */
export interface KeycloakRoles {
  readonly realm_access?: Roles | undefined
  readonly resource_access?: Readonly<Record<string, Roles>> | undefined
}

/** A role `client:name` is one of that client, every other one of the realm. A claim without roles is left out. */
export function keycloakRoles(roles: readonly string[]): KeycloakRoles {
  const ofRealm: string[] = []
  const ofClients = new Map<string, string[]>()
  for (const role of roles) {
    const at = role.indexOf(':')
    if (at < 1 || at === role.length - 1) {
      ofRealm.push(role)
      continue
    }
    const client = role.slice(0, at)
    ofClients.set(client, [...(ofClients.get(client) ?? []), role.slice(at + 1)])
  }
  const clients = [...ofClients].map(([client, names]) => [client, { roles: names }] as const)
  return {
    ...(ofRealm.length > 0 && { realm_access: { roles: ofRealm } }),
    ...(clients.length > 0 && { resource_access: Object.fromEntries(clients) }),
  }
}

/** Roles that a token of this server carries, whichever shape it has. */
export function carriedRoles(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const { roles, realm_access, resource_access } = claims as KeycloakRoles & Partial<Roles>
  if (roles) return roles
  const ofClients = Object.entries(resource_access ?? {}).flatMap(([client, access]) =>
    access.roles.map((role) => `${client}:${role}`),
  )
  return [...(realm_access?.roles ?? []), ...ofClients]
}

/** Audiences of a token of Keycloak's: what was asked for, and other clients of which the account has a role. */
export function keycloakAudience(
  asked: readonly string[],
  { resource_access = {} }: KeycloakRoles,
  clientId: string,
): string | readonly string[] | undefined {
  const clients = Object.keys(resource_access).filter((client) => client !== clientId)
  const all = [...new Set([...asked, ...clients])]
  return all.length > 1 ? all : all[0]
}

/** Claims of Keycloak's that claims by settings may replace. */
export function keycloakExtras(clientId: string, address: string | undefined) {
  return {
    acr: '1',
    email_verified: false,
    // Keycloak writes names of users in lower case.
    preferred_username: `service-account-${clientId.toLowerCase()}`,
    ...(address !== undefined && { clientHost: address, clientAddress: address }),
  }
}

/** In place of roles that a token has lost. */
export const NO_ROLES: KeycloakRoles = { realm_access: undefined, resource_access: undefined }
