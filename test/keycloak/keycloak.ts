import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { JAVA, missing, type Need, PEERS } from '../peers/programs.ts'
import { startPeer, stopPeer } from '../peers/start.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'

const PROGRAM = join(PEERS, 'keycloak/bin/kc.sh')
/** The client that Keycloak's makers publish. */
const ADMIN_CLIENT = join(import.meta.dirname, 'node_modules/@keycloak/keycloak-admin-client/lib/index.js')
const NEEDS: readonly Need[] = [
  ['@keycloak/keycloak-admin-client (npm ci --prefix test/keycloak)', 'test', '-e', ADMIN_CLIENT],
  ['Keycloak (test/federation/set-up.sh keycloak)', 'test', '-x', PROGRAM],
  JAVA,
]

/** Why a real Keycloak cannot be tried here; `false` where it can. */
export const noKeycloak = missing(...NEEDS)

const FEATURES = '--features=client-secret-rotation'
const ADMIN = { username: 'admin', password: 'admin-of-this-test' }

type Json = Record<string, unknown>
type Client = Readonly<
  Record<string, Readonly<Record<string, (payload: Json, body?: unknown) => Promise<Json>>>>
> & {
  auth(credentials: Json): Promise<void>
}
/** Calls a method of the admin client, of a group of them. */
type Admin = (group: string, method: string, payload: Json, body?: unknown) => Promise<Json>

export interface Keycloak {
  readonly url: string
  readonly admin: Admin
  /** Stops it, and writes a realm with its users into a file. */
  export(realm: string): Promise<string>
}

/**
 * A Keycloak with a database of its own, gone when the test ends.
 * @param publicUrl where clients reach it, if that is another address
 */
export async function startKeycloak(t: Test, publicUrl?: string): Promise<Keycloak> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const folder = temporaryFolder(t)
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
    // An export is one transaction, which else ends after five minutes.
    QUARKUS_TRANSACTION_MANAGER_DEFAULT_TRANSACTION_TIMEOUT: '3000',
    KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
  }
  const database = ['--db=dev-file', `--db-url=jdbc:h2:file:${folder}/keycloak;NON_KEYWORDS=VALUE`]
  const listening = [`--http-port=${port}`, '--http-host=127.0.0.1', `--hostname=${publicUrl ?? url}`]
  const child = await startPeer(t, ['nice', PROGRAM, 'start-dev', FEATURES, ...listening, ...database], {
    cwd: folder,
    env,
    isReady: async () => (await fetch(`${url}/realms/master`)).ok,
  })
  return {
    url,
    admin: await adminOf(t, url),
    async export(realm) {
      await stopPeer(child)
      const file = join(folder, `${realm}.json`)
      const args = ['export', FEATURES, '--realm', realm, '--users', 'same_file', '--file', file, ...database]
      execFileSync('nice', [PROGRAM, ...args], { cwd: folder, env, stdio: 'ignore' })
      return file
    },
  }
}

async function adminOf(t: Test, baseUrl: string): Promise<Admin> {
  const { default: AdminClient } = (await import(pathToFileURL(ADMIN_CLIENT).href)) as {
    default: new (options: Json) => Client
  }
  const client = new AdminClient({ baseUrl, realmName: 'master' })
  const signIn = () => client.auth({ grantType: 'password', clientId: 'admin-cli', ...ADMIN })
  await signIn()
  // Its token lives for a minute.
  const timer = setInterval(() => void signIn().catch(() => {}), 20_000)
  t.teardown(() => clearInterval(timer))
  return (group, method, payload, body) => {
    const call = client[group]?.[method]
    if (!call) throw new Error(`the admin client has no ${group}.${method}`)
    return call.call(client[group], payload, body)
  }
}

/** A realm to work in. */
export function inRealm({ admin }: Keycloak, realm: string) {
  const idOf = async (clientId: string): Promise<string> => {
    const [client] = (await admin('clients', 'find', { realm, clientId })) as unknown as Json[]
    return client?.['id'] as string
  }
  /** Roles of the realm, or of a client. */
  const rolesOf = async (of: string | undefined, names: readonly string[]) => {
    const id = of === undefined ? undefined : await idOf(of)
    const find = (name: string) =>
      id === undefined
        ? admin('roles', 'findOneByName', { realm, name })
        : admin('clients', 'findRole', { realm, id, roleName: name })
    const found = await Promise.all(names.map(find))
    return { id, roles: found.map((role) => ({ id: role?.['id'], name: role?.['name'] })) }
  }
  return {
    idOf,
    addClient: (client: Json) => admin('clients', 'create', { realm, ...client }),
    addRole: async (clientId: string, name: string) =>
      admin('clients', 'createRole', { realm, id: await idOf(clientId), name }),
    /** Gives the service account of a client roles of the realm, or of another client. */
    async giveRoles(clientId: string, names: readonly string[], of?: string) {
      const user = await admin('clients', 'getServiceAccountUser', { realm, id: await idOf(clientId) })
      const { id: clientUniqueId, roles } = await rolesOf(of, names)
      const to = { realm, id: user?.['id'], roles }
      return clientUniqueId === undefined
        ? admin('users', 'addRealmRoleMappings', to)
        : admin('users', 'addClientRoleMappings', { ...to, clientUniqueId })
    },
    /** Lets tokens of a client without full scope have roles of the realm, or of another client. */
    async mapScope(clientId: string, names: readonly string[], of?: string) {
      const { id: client, roles } = await rolesOf(of, names)
      const to = { realm, id: await idOf(clientId) }
      return client === undefined
        ? admin('clients', 'addRealmScopeMappings', to, roles)
        : admin('clients', 'addClientScopeMappings', { ...to, client }, roles)
    },
    /** Gives all confidential clients a rotation; it counts for those that are changed from now on. */
    async rotateSecrets() {
      const configuration = {
        'expiration-period': 2_592_000,
        'rotated-expiration-period': 172_800,
        'remaining-rotation-period': 864_000,
      }
      const profiles = [{ name: 'rotation', executors: [{ executor: 'secret-rotation', configuration }] }]
      const conditions = [{ condition: 'client-access-type', configuration: { type: ['confidential'] } }]
      const policies = [{ name: 'rotation', enabled: true, conditions, profiles: ['rotation'] }]
      await admin('clientPolicies', 'createProfiles', { realm, profiles })
      await admin('clientPolicies', 'updatePolicy', { realm, policies })
    },
    /** A new secret of a client. */
    async newSecret(clientId: string): Promise<string> {
      const made = await admin('clients', 'generateNewClientSecret', { realm, id: await idOf(clientId) })
      return made?.['value'] as string
    },
    /** A scope for accounts that have a role. */
    async addScope(name: string, roles: readonly string[] = []) {
      const { id } = (await admin('clientScopes', 'create', {
        realm,
        name,
        protocol: 'openid-connect',
        attributes: { 'include.in.token.scope': 'true' },
      })) as Json
      if (roles.length > 0)
        await admin(
          'clientScopes',
          'addRealmScopeMappings',
          { realm, id },
          (await rolesOf(undefined, roles)).roles,
        )
    },
  }
}
