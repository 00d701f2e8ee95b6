import {
  isObject,
  type Json,
  objectOf as object,
  objectsOf as objects,
  textOf as text,
  textsOf as texts,
} from './lenient-json.ts'

/** A role of the realm, or of a client. */
export interface KeycloakRole {
  readonly client: string | undefined
  readonly name: string
}

/** The user of a service account. */
export interface KeycloakUser {
  /** The sub of its tokens. */
  readonly id: string
  readonly roles: readonly KeycloakRole[]
  readonly createdAt: Date | undefined
  readonly isGrouped: boolean
}

/** The last millisecond of the year 9999. */
const MAX_TIME = 253_402_300_799_999

export function roleKey({ client, name }: KeycloakRole): string {
  return JSON.stringify([client ?? null, name])
}

/** Users of service accounts, by client_id. */
export function readUsers(users: readonly unknown[]): Map<string, KeycloakUser> {
  const accounts = users.filter(isObject).filter((user) => text(user['serviceAccountClientId']) !== '')
  return new Map(accounts.map((user) => [text(user['serviceAccountClientId']), readUser(user)]))
}

function readUser({ id, realmRoles, clientRoles, createdTimestamp: time, groups }: Json): KeycloakUser {
  const isKnown = typeof time === 'number' && time > 0 && time < MAX_TIME
  return {
    id: text(id),
    roles: readRoles(realmRoles, clientRoles),
    createdAt: isKnown ? new Date(time) : undefined,
    isGrouped: texts(groups).length > 0,
  }
}

function readRoles(realm: unknown, client: unknown): KeycloakRole[] {
  const own = texts(realm).map((name) => ({ client: undefined, name }))
  const ofClients = Object.entries(object(client)).flatMap(([clientId, names]) =>
    texts(names).map((name) => ({ client: clientId, name })),
  )
  return [...own, ...ofClients]
}

/** All roles, and what each brings along, by `roleKey`. */
export function readComposites({ realm, client }: Json): Map<string, readonly KeycloakRole[]> {
  const own = objects(realm).map((role) => [undefined, role] as const)
  const ofClients = Object.entries(object(client)).flatMap(([clientId, roles]) =>
    objects(roles).map((role) => [clientId, role] as const),
  )
  return new Map(
    [...own, ...ofClients].map(([clientId, role]) => {
      const parts = object(role['composites'])
      const key = roleKey({ client: clientId, name: text(role['name']) })
      return [key, readRoles(parts['realm'], parts['client'])] as const
    }),
  )
}

/** Roles that tokens of a client, or with a scope, may have. */
export interface ScopeMappings {
  readonly ofClients: ReadonlyMap<string, readonly KeycloakRole[]>
  readonly ofScopes: ReadonlyMap<string, readonly KeycloakRole[]>
}

/** @param own roles of the realm; @param ofClients roles of clients, by the client that has them */
export function readScopeMappings(own: unknown, ofClients: unknown): ScopeMappings {
  const mappings = [
    ...objects(own).map((one) => [undefined, one] as const),
    ...Object.entries(object(ofClients)).flatMap(([client, some]) =>
      objects(some).map((one) => [client, one] as const),
    ),
  ].flatMap(([client, one]) =>
    texts(one['roles']).map((name) => ({
      role: { client, name },
      of: text(one['client']),
      // Scopes of before Keycloak 4 are called templates.
      scope: text(one['clientScope']) || text(one['clientTemplate']),
    })),
  )
  const by = (keyOf: (mapping: (typeof mappings)[number]) => string) =>
    new Map(
      [...Map.groupBy(mappings, keyOf)]
        .filter(([key]) => key !== '')
        .map(([key, some]) => [key, some.map(({ role }) => role)]),
    )
  return { ofClients: by(({ of }) => of), ofScopes: by(({ scope }) => scope) }
}
