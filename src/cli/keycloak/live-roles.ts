import { objectOf, objectsOf } from '../../domain/lenient-json.ts'
import type { Json, KeycloakAdmin } from './admin-api.ts'

/** Collects what roles bring along; each is asked for once, however many accounts have it. */
export function compositeReader(admin: KeycloakAdmin, names: ReadonlyMap<string, string>) {
  const asked = new Map<string, Promise<void>>()
  const found: { readonly client: string | undefined; readonly role: Json }[] = []

  const clientOf = (role: Json) =>
    role['clientRole'] === true ? (names.get(String(role['containerId'])) ?? '') : undefined

  function follow(role: Json): Promise<void> {
    const id = String(role['id'])
    if (role['composite'] !== true) return Promise.resolve()
    const known = asked.get(id) ?? read(id, role)
    asked.set(id, known)
    return known
  }

  async function read(id: string, role: Json): Promise<void> {
    const isOfClient = role['clientRole'] === true
    const path = `/roles-by-id/${encodeURIComponent(id)}/composites`
    const parts = objectsOf(await admin.find(path, isOfClient ? 'view-clients' : 'view-realm'))
    const clients = Map.groupBy(
      parts.filter((part) => part['clientRole'] === true),
      (part) => clientOf(part) as string,
    )
    const composites = {
      realm: parts.filter((part) => part['clientRole'] !== true).map(nameOf),
      client: Object.fromEntries([...clients].map(([name, roles]) => [name, roles.map(nameOf)])),
    }
    found.push({ client: clientOf(role), role: { name: role['name'], composites } })
    // Roles may bring each other along: `asked` ends the circle, so nothing waits for itself.
    for (const part of parts) if (!asked.has(String(part['id']))) await follow(part)
  }

  /** The roles that a client has for others: without full scope its tokens may have these. */
  async function readOwn(client: Json): Promise<void> {
    const own = objectsOf(await admin.find(`/clients/${String(client['id'])}/roles`, 'view-clients'))
    for (const role of own) {
      found.unshift({ client: String(client['clientId']), role: { name: role['name'] } })
      await follow({ ...role, clientRole: true, containerId: client['id'] })
    }
  }

  /** In the form of an export. */
  function roles(realmRoles: readonly Json[]) {
    const byClient = Map.groupBy(found, ({ client }) => client)
    const rolesOf = (client: string | undefined) => (byClient.get(client) ?? []).map(({ role }) => role)
    const clients = [...byClient.keys()].filter((client) => client !== undefined)
    return {
      // Without what they bring along first: of two with a name the later one counts.
      realm: [...realmRoles.map(({ name }) => ({ name })), ...rolesOf(undefined)],
      client: Object.fromEntries(clients.map((client) => [client, rolesOf(client)])),
    }
  }

  return { follow, readOwn, roles }
}

/** Collects the roles that clients without full scope, and scopes, may have in tokens; in the form of an export. */
export function scopeMappingReader(admin: KeycloakAdmin, follow: (role: Json) => Promise<void>) {
  const scopeMappings: Json[] = []
  const ofClients = new Map<string, Json[]>()

  async function read(kind: 'client' | 'clientScope', owner: Json): Promise<void> {
    const path = `/${kind === 'client' ? 'clients' : 'client-scopes'}/${String(owner['id'])}/scope-mappings`
    const found = objectOf(await admin.find(path, 'view-clients'))
    const of = { [kind]: kind === 'client' ? owner['clientId'] : owner['name'] }
    const own = objectsOf(found['realmMappings'])
    if (own.length > 0) scopeMappings.push({ ...of, roles: own.map(nameOf) })
    for (const role of own) await follow(role)
    for (const [client, one] of Object.entries(objectOf(found['clientMappings']))) {
      const roles = objectsOf(objectOf(one)['mappings'])
      const mapping = { ...of, roles: roles.map(nameOf) }
      ofClients.set(client, [...(ofClients.get(client) ?? []), mapping])
      for (const role of roles) await follow(role)
    }
  }

  return { read, found: () => ({ scopeMappings, clientScopeMappings: Object.fromEntries(ofClients) }) }
}

export function nameOf(role: Json): unknown {
  return role['name']
}
