import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { keycloakExport } from './keycloak-export.ts'

type Json = Record<string, unknown>
type Handler = (request: IncomingMessage, response: ServerResponse) => boolean

export interface KeycloakServer {
  readonly url: string
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Answers before the server does; returns whether it did. */
  intercept: Handler
}

export const IMPORTER = { clientId: 'importer', clientSecret: 'the-secret-of-the-importer' }

/** What answers as the admin REST API of Keycloak does, about the realm of `keycloakExport`. */
export async function keycloakServer(
  t: Test,
  {
    realm = keycloakExport() as unknown as Json,
    tls,
  }: { realm?: Json; tls?: { key: Buffer; cert: Buffer } } = {},
): Promise<KeycloakServer> {
  const documents = documentsOf(realm)
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://keycloak')
    server.asked.push(pathname)
    const body = await text(request)
    if (server.intercept(request, response)) return
    const [status, answer] = pathname.endsWith('/token')
      ? tokenOf(pathname, body)
      : documentAt(documents, pathname, request.headers.authorization)
    const first = Number(searchParams.get('first') ?? 0)
    const page = Array.isArray(answer) && searchParams.has('max')
    const sent = page ? answer.slice(first, first + Number(searchParams.get('max'))) : answer
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(sent))
  }
  const node = tls ? createTlsServer(tls, handle) : createServer(handle)
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    node.closeAllConnections()
    return new Promise((resolve) => node.close(resolve))
  })
  const { port } = node.address() as AddressInfo
  const url = `${tls ? 'https' : 'http'}://localhost:${port}`
  const server: KeycloakServer = { url, asked: [], intercept: () => false }
  return server
}

function tokenOf(pathname: string, body: string): [number, Json] {
  if (!pathname.startsWith('/realms/plant/')) return [404, { error: 'Realm does not exist' }]
  const isRight = new URLSearchParams(body).get('client_secret') === IMPORTER.clientSecret
  return isRight
    ? [200, { access_token: 'good', token_type: 'Bearer' }]
    : [401, { error: 'unauthorized_client', error_description: 'Invalid client' }]
}

function documentAt(
  documents: Map<string, unknown>,
  pathname: string,
  authorization = '',
): [number, unknown] {
  if (authorization !== 'Bearer good') return [401, { error: 'HTTP 401 Unauthorized' }]
  const found = documents.get(pathname)
  return found === undefined ? [404, { error: 'Could not find it' }] : [200, found]
}

/** What each path of the API answers. */
function documentsOf(realm: Json): Map<string, unknown> {
  const base = `/admin/realms/${realm['realm']}`
  const documents = new Map<string, unknown>()
  const put = (path: string, value: unknown) => void documents.set(base + path, value)
  const roles = rolesOf(realm)
  const clients = (realm['clients'] as Json[]).map((client) => ({
    id: `id-${client['clientId']}`,
    ...client,
  }))
  put('/clients', clients)
  const scopes = (realm['clientScopes'] as Json[]).map((scope) => ({
    id: `scope-${scope['name']}`,
    ...scope,
  }))
  put('/client-scopes', scopes)
  put(
    '/roles',
    roles.filter(({ clientRole }) => !clientRole),
  )
  const named = (client: string | undefined, names: readonly string[] = []) =>
    names.map((name) => roles.find((role) => role.name === name && role.containerId === containerOf(client)))
  for (const role of roles) {
    const { realm: own, client = {} } = role.composites ?? {}
    const parts = Object.entries(client).flatMap(([clientId, names]) => named(clientId, names))
    put(`/roles-by-id/${role.id}/composites`, [...named(undefined, own), ...parts])
  }
  for (const client of clients) {
    putClient(put, client as Json, realm['users'] as Json[], named)
    const own = roles.filter(({ containerId }) => containerId === client.id)
    put(`/clients/${client.id}/roles`, own)
    put(
      `/clients/${client.id}/scope-mappings`,
      mappingsOf(realm, { client: (client as Json)['clientId'] }, named),
    )
  }
  for (const scope of scopes)
    put(
      `/client-scopes/${scope.id}/scope-mappings`,
      mappingsOf(realm, { clientScope: (scope as Json)['name'] }, named),
    )
  return documents
}

/** The scope mappings of a client, or of a scope. */
function mappingsOf(realm: Json, of: { client?: unknown; clientScope?: unknown }, named: Named): Json {
  const isOf = (one: Json) => one['client'] === of.client && one['clientScope'] === of.clientScope
  const rolesIn = (some: unknown) =>
    ((some ?? []) as Json[]).filter(isOf).flatMap(({ roles }) => roles as string[])
  const ofClients = Object.entries((realm['clientScopeMappings'] ?? {}) as Record<string, Json[]>)
  return {
    realmMappings: named(undefined, rolesIn(realm['scopeMappings'])),
    clientMappings: Object.fromEntries(
      ofClients.map(([name, some]) => [name, { client: name, mappings: named(name, rolesIn(some)) }]),
    ),
  }
}

type Named = (client: string | undefined, names?: readonly string[]) => unknown[]

function putClient(
  put: (path: string, value: unknown) => void,
  client: Json,
  users: Json[],
  named: Named,
): void {
  const { id, clientId } = client
  const attributes = (client['attributes'] ?? {}) as Json
  put(`/clients/${id}/client-secret`, { type: 'secret', value: client['secret'] })
  put(`/clients/${id}/client-secret/rotated`, {
    type: 'secret',
    value: attributes['rotated-as-its-endpoint-tells'],
  })
  const user = users.find((one) => one['serviceAccountClientId'] === clientId) ?? {}
  const userId = (user['id'] as string | undefined) ?? `user-${clientId}`
  const mappings = Object.entries((user['clientRoles'] ?? {}) as Record<string, string[]>)
  put(`/clients/${id}/service-account-user`, { id: userId, username: `service-account-${clientId}` })
  put(
    `/users/${userId}/groups`,
    ((user['groups'] ?? []) as string[]).map((path) => ({ path })),
  )
  put(`/users/${userId}/role-mappings`, {
    realmMappings: named(undefined, user['realmRoles'] as string[]),
    clientMappings: Object.fromEntries(
      mappings.map(([name, names]) => [name, { client: name, mappings: named(name, names) }]),
    ),
  })
}

interface Role {
  readonly id: string
  readonly name: string
  readonly clientRole: boolean
  readonly composite: boolean
  readonly containerId: string
  readonly composites?: { realm?: string[]; client?: Record<string, string[]> }
}

function containerOf(client: string | undefined): string {
  return client === undefined ? 'the realm' : `id-${client}`
}

function rolesOf(realm: Json): Role[] {
  const { realm: own, client } = realm['roles'] as { realm: Json[]; client: Record<string, Json[]> }
  const roleOf = (of: string | undefined, role: Json) =>
    ({
      composite: false,
      ...role,
      id: `role-${of ?? ''}-${role['name']}`,
      clientRole: of !== undefined,
      containerId: containerOf(of),
    }) as unknown as Role
  return [
    ...own.map((role) => roleOf(undefined, role)),
    ...Object.entries(client).flatMap(([of, roles]) => roles.map((role) => roleOf(of, role))),
  ]
}
