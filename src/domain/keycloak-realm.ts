import {
  type KeycloakRole,
  type KeycloakUser,
  readComposites,
  readScopeMappings,
  readUsers,
} from './keycloak-users.ts'
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
  /** Without full scope: of these roles, of its own ones and of those of its scopes alone. */
  readonly scopeRoles: readonly KeycloakRole[]
  readonly attributes: Readonly<Record<string, unknown>>
  readonly mappers: readonly KeycloakMapper[]
  readonly defaultScopes: readonly string[]
  readonly optionalScopes: readonly string[]
}

export interface KeycloakScope {
  readonly name: string
  /** It is named in the scope of tokens. */
  readonly isNamed: boolean
  readonly mappers: readonly KeycloakMapper[]
  /** Where there are some, only accounts with one of them get the scope. */
  readonly roles: readonly KeycloakRole[]
}

export interface KeycloakRealm {
  readonly name: string
  readonly clients: readonly KeycloakClient[]
  readonly scopes: ReadonlyMap<string, KeycloakScope>
  /** Users of service accounts, by client_id; `undefined`: the file has no users. */
  readonly users: ReadonlyMap<string, KeycloakUser> | undefined
  /** Roles that a role brings along, by `roleKey`. */
  readonly composites: ReadonlyMap<string, readonly KeycloakRole[]>
  /** Names of their roles, by client_id. */
  readonly clientRoles: ReadonlyMap<string, readonly string[]>
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
  const mappings = readScopeMappings(realm['scopeMappings'], realm['clientScopeMappings'])
  const scopes = objects(realm['clientScopes']).map((scope) => readScope(scope, mappings.ofScopes))
  return {
    name: text(realm['realm']),
    clients: objects(realm['clients']).map((client) => readClient(client, mappings.ofClients)),
    scopes: new Map(scopes.map((scope) => [scope.name, scope])),
    users: Array.isArray(realm['users']) ? readUsers(realm['users']) : undefined,
    composites: readComposites(object(realm['roles'])),
    clientRoles: new Map(
      Object.entries(object(object(realm['roles'])['client'])).map(([clientId, roles]) => [
        clientId,
        objects(roles).map(({ name }) => text(name)),
      ]),
    ),
  }
}

type Mappings = ReadonlyMap<string, readonly KeycloakRole[]>

function readClient(client: Json, mappings: Mappings): KeycloakClient {
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
    scopeRoles: mappings.get(text(client['clientId'])) ?? [],
    attributes: object(client['attributes']),
    mappers: objects(client['protocolMappers']).map(readMapper),
    defaultScopes: texts(client['defaultClientScopes']),
    optionalScopes: texts(client['optionalClientScopes']),
  }
}

function readScope(scope: Json, mappings: Mappings): KeycloakScope {
  return {
    name: text(scope['name']),
    isNamed: object(scope['attributes'])['include.in.token.scope'] !== 'false',
    mappers: objects(scope['protocolMappers']).map(readMapper),
    roles: mappings.get(text(scope['name'])) ?? [],
  }
}

function readMapper({ name, protocolMapper, config }: Json): KeycloakMapper {
  return { name: text(name), kind: text(protocolMapper), config: object(config) }
}
