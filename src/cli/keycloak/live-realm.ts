import { objectOf, objectsOf } from '../../domain/lenient-json.ts'
import type { Json, KeycloakAdmin } from './admin-api.ts'
import { compositeReader, nameOf, scopeMappingReader } from './live-roles.ts'

/** Clients that are read at once. */
export const CONCURRENCY = 8

export interface LiveRealmOptions {
  readonly realm: string
  readonly isWanted: (clientId: string) => boolean
  /** Told after each client. */
  readonly onProgress: (done: number, all: number) => void
}

/** Reads a realm of a running Keycloak into the form that `kc.sh export` writes. */
export async function readLiveRealm(
  admin: KeycloakAdmin,
  { realm, isWanted, onProgress }: LiveRealmOptions,
): Promise<unknown> {
  const clients = await admin.list('/clients', 'view-clients')
  const clientScopes = await admin.find('/client-scopes', 'view-clients')
  const realmRoles = await admin.list('/roles', 'view-realm')
  const names = new Map(clients.map((client) => [String(client['id']), String(client['clientId'])]))
  const composites = compositeReader(admin, names)
  const wanted = clients.filter((one) => isTakenOver(one) && isWanted(String(one['clientId'])))
  const mappings = scopeMappingReader(admin, composites.follow)
  await eachOf(objectsOf(clientScopes), (scope) => mappings.read('clientScope', scope))
  const users: Json[] = []
  let done = 0
  await eachOf(wanted, async (client) => {
    Object.assign(client, await readSecrets(admin, client))
    const user = await readUser(admin, client, composites.follow)
    if (user) users.push(user)
    if (client['fullScopeAllowed'] === false) {
      await mappings.read('client', client)
      await composites.readOwn(client)
    }
    onProgress(++done, wanted.length)
  })
  return { realm, clients, clientScopes, users, roles: composites.roles(realmRoles), ...mappings.found() }
}

/** The plan says why the others are not. */
function isTakenOver(client: Json): boolean {
  const { serviceAccountsEnabled, publicClient, clientAuthenticatorType = 'client-secret' } = client
  return (
    serviceAccountsEnabled === true && publicClient !== true && clientAuthenticatorType === 'client-secret'
  )
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}

function isMasked(value: unknown): boolean {
  return typeof value !== 'string' || /^\**$/.test(value)
}

/** The list may mask what its own endpoint tells. */
async function readSecrets(admin: KeycloakAdmin, client: Json): Promise<Json> {
  const path = `/clients/${String(client['id'])}/client-secret`
  const attributes = objectOf(client['attributes'])
  const secret = isMasked(client['secret']) ? await readValue(admin, path) : client['secret']
  const known = attributes['client.secret.rotated']
  if (known === undefined || !isMasked(known)) return { secret }
  const rotated = await readValue(admin, `${path}/rotated`)
  return { secret, attributes: { ...attributes, 'client.secret.rotated': rotated ?? '' } }
}

async function readValue(admin: KeycloakAdmin, path: string): Promise<unknown> {
  return objectOf(await admin.find(path, 'view-clients'))['value']
}

async function readUser(
  admin: KeycloakAdmin,
  client: Json,
  follow: (role: Json) => Promise<void>,
): Promise<Json | undefined> {
  const path = `/clients/${String(client['id'])}/service-account-user`
  const user = objectOf(await admin.find(path, 'view-clients'))
  if (typeof user['id'] !== 'string') return undefined
  const own = `/users/${encodeURIComponent(user['id'])}`
  const mappings = objectOf(await admin.find(`${own}/role-mappings`, 'view-users'))
  const groups = await admin.find(`${own}/groups`, 'view-users')
  const realmRoles = objectsOf(mappings['realmMappings'])
  const ofClients = Object.entries(objectOf(mappings['clientMappings'])).map(
    ([name, one]) => [name, objectsOf(objectOf(one)['mappings'])] as const,
  )
  for (const role of [realmRoles, ...ofClients.map(([, roles]) => roles)].flat()) await follow(role)
  return {
    id: user['id'],
    createdTimestamp: user['createdTimestamp'],
    serviceAccountClientId: client['clientId'],
    realmRoles: realmRoles.map(nameOf),
    clientRoles: Object.fromEntries(ofClients.map(([name, roles]) => [name, roles.map(nameOf)])),
    groups: objectsOf(groups).map(({ path: group }) => group),
  }
}
