import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/support/free-port.ts'
import type { Client } from '../support/mintmark.ts'
import { type Server, startServer } from '../support/processes.ts'

export interface RealPeer {
  readonly server: Server
  readonly tokenPath: string
}

interface Peer {
  /** The distribution: a folder, or a program. */
  readonly from: string
  readonly databaseUrl: string
  /** Temporary folder. */
  readonly folder: string
  readonly client: Client
}

/** Starts Keycloak as its guide recommends for production: built for PostgreSQL, `--optimized`, events off, ES256 tokens. */
export async function startKeycloak({ from, databaseUrl, folder, client }: Peer): Promise<RealPeer> {
  const home = join(folder, 'keycloak')
  // `build` writes into the distribution, which others may use.
  cpSync(from, home, { recursive: true })
  mkdirSync(join(home, 'data/import'), { recursive: true })
  writeFileSync(join(home, 'data/import/realm.json'), JSON.stringify(realmOf(client)))
  const program = join(home, 'bin/kc.sh')
  execFileSync(program, ['build', '--db=postgres'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const port = await freePort()
  const { hostname, port: databasePort, pathname, username } = new URL(databaseUrl)
  const server = await startServer({
    name: `Keycloak ${versionOf(home)}`,
    program,
    args: ['start', '--optimized', '--import-realm', '--http-enabled=true', '--hostname-strict=false'],
    env: {
      NODE_OPTIONS: '',
      KC_CACHE: 'local',
      KC_HTTP_HOST: '127.0.0.1',
      KC_HTTP_PORT: String(port),
      KC_DB_URL: `jdbc:postgresql://${hostname}:${databasePort}${pathname}`,
      KC_DB_USERNAME: username,
    },
    url: `http://127.0.0.1:${port}`,
    readyPath: `/realms/${client.realm}`,
  })
  return { server, tokenPath: `/realms/${client.realm}/protocol/openid-connect/token` }
}

function realmOf({ realm, clientId, clientSecret }: Client) {
  const algorithm = { 'access.token.signed.response.alg': 'ES256' }
  return {
    realm,
    enabled: true,
    sslRequired: 'none',
    clients: [
      {
        clientId,
        secret: clientSecret,
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        attributes: algorithm,
      },
    ],
  }
}

function versionOf(home: string): string {
  const [, version = ''] = /([\d.]+)/.exec(readFileSync(join(home, 'version.txt'), 'utf8')) ?? []
  return version
}
