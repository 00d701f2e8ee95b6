import {
  isObject,
  type Json,
  objectOf as object,
  objectsOf as objects,
  textOf as text,
  textsOf as texts,
} from './lenient-json.ts'
import { Refusal } from './refusal.ts'

/** A mapper of Keycloak's: what puts a claim into tokens. */
export interface KeycloakMapper {
  readonly name: string
  readonly kind: string
  readonly config: Readonly<Record<string, unknown>>
}

/** A client as far as an import needs it. */
export interface KeycloakClient {
  readonly clientId: string
  readonly name: string
  readonly description: string
  readonly isEnabled: boolean
  readonly secret: string | undefined
  readonly authenticator: string
  readonly protocol: string
  readonly isPublic: boolean
  readonly isBearerOnly: boolean
  readonly hasServiceAccount: boolean
  /** People log in with it too. */
  readonly hasLogin: boolean
  /** Its tokens have all roles of its user. */
  readonly hasFullScope: boolean
  readonly attributes: Readonly<Record<string, unknown>>
  readonly mappers: readonly KeycloakMapper[]
  readonly defaultScopes: readonly string[]
  readonly optionalScopes: readonly string[]
}

/** A role of the realm, or of a client. */
export interface KeycloakRole {
  readonly client: string | undefined
  readonly name: string
}

export interface KeycloakScope {
  readonly name: string
  /** It is named in the scope of tokens. */
  readonly isNamed: boolean
  readonly mappers: readonly KeycloakMapper[]
}

export interface KeycloakRealm {
  readonly name: string
  readonly clients: readonly KeycloakClient[]
  readonly scopes: ReadonlyMap<string, KeycloakScope>
  /** Roles of service accounts, by client_id; `undefined`: the file has no users. */
  readonly rolesOf: ReadonlyMap<string, readonly KeycloakRole[]> | undefined
  /** Ids of their users, which are the sub of tokens, by client_id. */
  readonly subjects: ReadonlyMap<string, string>
  /** Service accounts that are in groups, by client_id. */
  readonly grouped: ReadonlySet<string>
  /** Roles that a role brings along, by `roleKey`. */
  readonly composites: ReadonlyMap<string, readonly KeycloakRole[]>
}

export function roleKey({ client, name }: KeycloakRole): string {
  return JSON.stringify([client ?? null, name])
}

/**
 * Reads a realm as `kc.sh export` writes it, or one of several in a file. What has another type than expected is as if it were absent.
 * @throws Refusal `invalid`
 */
export function readKeycloakRealm(value: unknown, sourceRealm: string | undefined): KeycloakRealm {
  const realms = (Array.isArray(value) ? value : [value]).filter(isObject)
  const named = sourceRealm === undefined ? realms : realms.filter(({ realm }) => realm === sourceRealm)
  const [realm, ...others] = named
  if (realm === undefined)
    throw new Refusal('invalid', 'There is no such realm in the file: name it with --source-realm.')
  if (others.length > 0)
    throw new Refusal('invalid', 'The file has several realms: name one with --source-realm.')
  if (!Array.isArray(realm['clients']))
    throw new Refusal(
      'invalid',
      'The file has no clients: is it what kc.sh export --realm <name> --file <file> writes?',
    )
  const scopes = objects(realm['clientScopes']).map(readScope)
  return {
    name: text(realm['realm']),
    clients: objects(realm['clients']).map(readClient),
    scopes: new Map(scopes.map((scope) => [scope.name, scope])),
    rolesOf: Array.isArray(realm['users']) ? readUsers(realm['users']) : undefined,
    subjects: readSubjects(objects(realm['users'])),
    grouped: new Set(
      objects(realm['users'])
        .filter(isGrouped)
        .map((user) => text(user['serviceAccountClientId'])),
    ),
    composites: readComposites(object(realm['roles'])),
  }
}

function readClient(client: Json): KeycloakClient {
  const flows = ['standardFlowEnabled', 'implicitFlowEnabled', 'directAccessGrantsEnabled']
  const secret = text(client['secret'])
  return {
    clientId: text(client['clientId']),
    name: text(client['name']),
    description: text(client['description']),
    isEnabled: client['enabled'] !== false,
    secret: secret === '' ? undefined : secret,
    authenticator: text(client['clientAuthenticatorType']) || 'client-secret',
    protocol: text(client['protocol']) || 'openid-connect',
    isPublic: client['publicClient'] === true,
    isBearerOnly: client['bearerOnly'] === true,
    hasServiceAccount: client['serviceAccountsEnabled'] === true,
    hasLogin: flows.some((flow) => client[flow] === true),
    hasFullScope: client['fullScopeAllowed'] !== false,
    attributes: object(client['attributes']),
    mappers: objects(client['protocolMappers']).map(readMapper),
    defaultScopes: texts(client['defaultClientScopes']),
    optionalScopes: texts(client['optionalClientScopes']),
  }
}

function readScope(scope: Json): KeycloakScope {
  return {
    name: text(scope['name']),
    isNamed: object(scope['attributes'])['include.in.token.scope'] !== 'false',
    mappers: objects(scope['protocolMappers']).map(readMapper),
  }
}

function readMapper({ name, protocolMapper, config }: Json): KeycloakMapper {
  return { name: text(name), kind: text(protocolMapper), config: object(config) }
}

function readSubjects(users: readonly Json[]): Map<string, string> {
  const found = users.map((user) => [text(user['serviceAccountClientId']), text(user['id'])] as const)
  return new Map(found.filter(([clientId, id]) => clientId !== '' && id !== ''))
}

function isGrouped({ groups }: Json): boolean {
  return texts(groups).length > 0
}

function readUsers(users: readonly unknown[]): Map<string, readonly KeycloakRole[]> {
  const accounts = users.filter(isObject).filter((user) => text(user['serviceAccountClientId']) !== '')
  return new Map(
    accounts.map((user) => [
      text(user['serviceAccountClientId']),
      readRoles(user['realmRoles'], user['clientRoles']),
    ]),
  )
}

function readRoles(realm: unknown, client: unknown): KeycloakRole[] {
  const own = texts(realm).map((name) => ({ client: undefined, name }))
  const ofClients = Object.entries(object(client)).flatMap(([clientId, names]) =>
    texts(names).map((name) => ({ client: clientId, name })),
  )
  return [...own, ...ofClients]
}

function readComposites({ realm, client }: Json): Map<string, readonly KeycloakRole[]> {
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
