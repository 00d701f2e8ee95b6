import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'
import { JAVA, missing, type Need, PEERS } from '../peers/programs.ts'
import { startPeer, stopPeer } from '../peers/start.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'

const PROGRAM = join(PEERS, 'keycloak/bin/kc.sh')
const NEEDS: readonly Need[] = [
  ['Keycloak (test/federation/set-up.sh keycloak)', 'test', '-x', PROGRAM],
  JAVA,
]

/** Why a real Keycloak cannot be tried here; `false` where it can. */
export const noKeycloak = missing(...NEEDS)

const ADMIN = { username: 'admin', password: 'admin-of-this-test' }

type Json = Record<string, unknown>

export interface Keycloak {
  readonly url: string
  /** Asks the admin REST API as its administrator; answers what it sends. */
  admin(method: string, path: string, body?: unknown): Promise<unknown>
  /** Stops it, and writes a realm with its users into a file. */
  export(realm: string): Promise<string>
}

/** A Keycloak with a database of its own, gone when the test ends. */
export async function startKeycloak(t: Test): Promise<Keycloak> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const folder = temporaryFolder(t)
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
    KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
  }
  const database = ['--db=dev-file', `--db-url=jdbc:h2:file:${folder}/keycloak;NON_KEYWORDS=VALUE`]
  const listening = [`--http-port=${port}`, '--http-host=127.0.0.1', `--hostname=${url}`]
  const child = await startPeer(t, ['nice', PROGRAM, 'start-dev', ...listening, ...database], {
    cwd: folder,
    env,
    isReady: async () => (await fetch(`${url}/realms/master`)).ok,
  })
  return {
    url,
    admin: adminOf(url),
    async export(realm) {
      await stopPeer(child)
      const file = join(folder, `${realm}.json`)
      const args = ['export', '--realm', realm, '--users', 'same_file', '--file', file, ...database]
      execFileSync('nice', [PROGRAM, ...args], { cwd: folder, env, stdio: 'ignore' })
      return file
    },
  }
}

function adminOf(url: string): Keycloak['admin'] {
  let token = ''
  const ask = (method: string, path: string, body: unknown) =>
    fetch(`${url}/admin/realms${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return async (method, path, body) => {
    let answer = await ask(method, path, body)
    if (answer.status === 401) {
      token = await adminToken(url)
      answer = await ask(method, path, body)
    }
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: Keycloak answered ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

async function adminToken(url: string): Promise<string> {
  const form = { grant_type: 'password', client_id: 'admin-cli', ...ADMIN }
  const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

async function idOf({ admin }: Keycloak, realm: string, clientId: string): Promise<string> {
  const [client] = (await admin('GET', `/${realm}/clients?clientId=${clientId}`)) as Json[]
  return client?.['id'] as string
}

/** A new role of a client. */
export async function addRole(
  keycloak: Keycloak,
  realm: string,
  clientId: string,
  name: string,
): Promise<void> {
  await keycloak.admin('POST', `/${realm}/clients/${await idOf(keycloak, realm, clientId)}/roles`, { name })
}

/** Gives the service account of a client roles of the realm, or of another client. */
export async function giveRoles(
  keycloak: Keycloak,
  realm: string,
  clientId: string,
  { of, names }: { readonly of?: string; readonly names: readonly string[] },
): Promise<void> {
  const { admin } = keycloak
  const own = `/${realm}/clients/${await idOf(keycloak, realm, clientId)}`
  const { id } = (await admin('GET', `${own}/service-account-user`)) as { id: string }
  const owner = of === undefined ? undefined : await idOf(keycloak, realm, of)
  const base = owner === undefined ? `/${realm}/roles` : `/${realm}/clients/${owner}/roles`
  const roles = await Promise.all(names.map((name) => admin('GET', `${base}/${name}`)))
  const to = owner === undefined ? 'realm' : `clients/${owner}`
  await admin('POST', `/${realm}/users/${id}/role-mappings/${to}`, roles)
}
