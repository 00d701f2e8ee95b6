import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { missing, type Need, PEERS } from '../peers/programs.ts'
import { runPeer, startPeer } from '../peers/start.ts'
import { writeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { federationWorld, REFUSED } from './world.ts'

const program = (name: string) => join(PEERS, 'bin', name)
const SERVER = program('spire-server')
const AGENT = program('spire-agent')
const NEEDS: readonly Need[] = [
  ['SPIRE (test/federation/set-up.sh spire)', SERVER, '--version'],
  ['its agent', AGENT, '--version'],
  ['openssl', 'openssl', 'version'],
]

const ID = 'spiffe://example.org/billing/worker'

interface Spire {
  /** For SPIFFE_ENDPOINT_SOCKET. */
  readonly socket: string
  readonly bundleUrl: string
  /** The bundle, as the server prints it. */
  bundle(): Promise<object>
}

/** A server with a bundle endpoint, its agent, and an entry for each process of this user. */
async function spire(t: Test, folder: string): Promise<Spire> {
  const [port, bundlePort] = [await freePort(), await freePort()]
  const socket = join(folder, 'server.sock')
  const cwd = folder
  const run = async (...args: readonly string[]) => {
    const { ok, output } = await runPeer([SERVER, ...args, '-socketPath', socket], { cwd })
    if (!ok) throw new Error(`spire-server ${args.join(' ')}: ${output}`)
    return output
  }
  writeFileSync(join(folder, 'server.conf'), serverConfig(folder, port, bundlePort))
  await startPeer(t, [SERVER, 'run', '-config', 'server.conf'], {
    cwd,
    isReady: async () => (await runPeer([SERVER, 'healthcheck', '-socketPath', socket], { cwd })).ok,
  })
  writeFileSync(join(folder, 'bundle.pem'), await run('bundle', 'show'))
  const [, joinToken = ''] = /^Token: (\S+)/m.exec(await run('token', 'generate')) ?? []
  writeFileSync(join(folder, 'agent.conf'), agentConfig(folder, port))
  const parent = `spiffe://example.org/spire/agent/join_token/${joinToken}`
  const selector = `unix:uid:${process.getuid?.()}`
  await run('entry', 'create', '-parentID', parent, '-spiffeID', ID, '-selector', selector)
  const agent = join(folder, 'agent.sock')
  const fetchJwt = [AGENT, 'api', 'fetch', 'jwt', '-audience', 'ready', '-socketPath', agent]
  await startPeer(t, [AGENT, 'run', '-config', 'agent.conf', '-joinToken', joinToken], {
    cwd,
    isReady: async () => (await runPeer(fetchJwt, { cwd })).ok,
  })
  return {
    socket: `unix://${agent}`,
    bundleUrl: `https://localhost:${bundlePort}`,
    bundle: async () => JSON.parse(await run('bundle', 'show', '-format', 'spiffe')),
  }
}

function serverConfig(folder: string, port: number, bundlePort: number): string {
  return `server {
  bind_address = "127.0.0.1"
  bind_port = "${port}"
  socket_path = "${folder}/server.sock"
  trust_domain = "example.org"
  data_dir = "${folder}/server"
  log_level = "WARN"
  federation {
    bundle_endpoint {
      address = "127.0.0.1"
      port = ${bundlePort}
      profile "https_web" {
        serving_cert_file {
          cert_file_path = "${folder}/tls.crt"
          key_file_path = "${folder}/tls.key"
          file_sync_interval = "1h"
        }
      }
    }
  }
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "${folder}/datastore.sqlite3" } }
  KeyManager "memory" { plugin_data {} }
  NodeAttestor "join_token" { plugin_data {} }
}
`
}

function agentConfig(folder: string, port: number): string {
  return `agent {
  data_dir = "${folder}/agent"
  log_level = "WARN"
  server_address = "127.0.0.1"
  server_port = "${port}"
  socket_path = "${folder}/agent.sock"
  trust_bundle_path = "${folder}/bundle.pem"
  trust_domain = "example.org"
}
plugins {
  KeyManager "memory" { plugin_data {} }
  NodeAttestor "join_token" { plugin_data {} }
  WorkloadAttestor "unix" { plugin_data {} }
}
`
}

t.test(
  'a JWT-SVID of SPIRE gets a token, by the bundle endpoint and by the uploaded bundle',
  { skip: missing(...NEEDS) },
  async (t) => {
    const folder = temporaryFolder(t)
    const ca = String(writeCertificate(folder))
    const { socket, bundleUrl, bundle } = await spire(t, folder)
    const env = { SPIFFE_ENDPOINT_SOCKET: socket }
    for (const keys of [
      { source: 'spiffe_bundle', url: bundleUrl },
      { source: 'jwks', jwks: await bundle() },
    ]) {
      const world = await federationWorld(t, ca)
      const trusted = await world.trust({ preset: 'spiffe', issuer: 'spiffe://example.org', keys })
      t.match(await world.token('spiffe', env), REFUSED, 'bound to no account')
      const bound = await world.bind(trusted, [{ claim: 'sub', equals: ID }])
      t.match(await world.claims('spiffe', env), { sub: bound.clientId, iss: world.issuer }, keys.source)
      t.match(await world.claims(`spiffe:${ID}`, env), { sub: bound.clientId })
      await world.unbind(bound)
      t.match(await world.token('spiffe', env), REFUSED, 'bound no longer')
    }
  },
)
