import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { listens } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { codeOf, writePage } from './pages.ts'
import { debianVersion, missing, PYTHON, PYTHON_PROGRAM, pypi } from './programs.ts'
import { runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

const BIN = '/usr/lib/rabbitmq/bin'
const TLS = resolve(import.meta.dirname, '../../examples/tls')
const SCOPES = ['rabbitmq.read:*/*', 'rabbitmq.write:*/*', 'rabbitmq.configure:*/*']
const skip = missing(
  ['RabbitMQ', 'test', '-x', join(BIN, 'rabbitmq-server')],
  ['openssl', 'openssl', 'version'],
  PYTHON,
  pypi('pika'),
  pypi('requests'),
)

/** A world that is reached by HTTPS, through the proxy of examples/tls. */
async function httpsWorld(t: Test): Promise<World> {
  const port = await freePort()
  const world = await peerWorld(t, {
    publicUrl: `https://localhost:${port}`,
    audiences: ['rabbitmq'],
    scopes: ['view', ...SCOPES],
    accountScopes: SCOPES,
  })
  // The page's last commands make an authority and a certificate.
  execFileSync('sh', ['-euc', codeOf('rabbitmq.md', 'sh').at(-1) as string], {
    cwd: world.folder,
    stdio: 'ignore',
  })
  const env = { ...process.env, NODE_OPTIONS: '', PORT: `${port}`, MINTMARK_URL: world.origin }
  await startPeer(t, [process.execPath, join(TLS, 'proxy.mjs')], {
    cwd: world.folder,
    env,
    isReady: async () => {
      const certificate = ['--cacert', 'ca.pem', '-s', '-o', '/dev/null']
      return (await runPeer(['curl', ...certificate, world.issuer], { cwd: world.folder })).ok
    },
  })
  return world
}

/** A broker of its own: no other RabbitMQ of the machine sees it. */
async function startBroker(t: Test, world: World): Promise<string> {
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()]
  const { folder } = world
  writePage('rabbitmq.md', folder)
  const file = join(folder, 'rabbitmq.conf')
  const configuration = readFileSync(file, 'utf8')
    .replace('https://auth.example/realms/acme', world.issuer)
    .replace('/etc/ssl/certs/ca-certificates.crt', join(folder, 'ca.pem'))
    .replace('127.0.0.1:5672', `127.0.0.1:${port}`)
  writeFileSync(file, configuration)
  writeFileSync(join(folder, 'plugins'), '[rabbitmq_auth_backend_oauth2].\n')
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    HOME: folder,
    RABBITMQ_NODENAME: `peer${port}@localhost`,
    RABBITMQ_DIST_PORT: `${distribution}`,
    ERL_EPMD_PORT: `${epmd}`,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_CONFIG_FILE: file,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
  }
  t.teardown(() => spawnSync('epmd', ['-kill'], { env }))
  await startPeer(t, [join(BIN, 'rabbitmq-server')], {
    cwd: folder,
    env,
    isReady: () => listens(port),
  })
  return `amqp://127.0.0.1:${port}/%2F`
}

t.test('RabbitMQ lets a service account in by token, over HTTPS keys', { skip }, async (t) => {
  const world = await httpsWorld(t)
  const url = await startBroker(t, world)
  const env = { ...world.env, AMQP_URL: url, REQUESTS_CA_BUNDLE: join(world.folder, 'ca.pem') }
  const command = [PYTHON_PROGRAM, 'client.py']
  const options = { cwd: world.folder, env }
  t.match(await runPeer(command, options), { ok: true, output: 'hello' })

  await world.rotateKeys()
  t.match(await runPeer(command, options), { ok: true, output: 'hello' }, 'signed by the new key')

  const reader = await world.addAccount([], ['rabbitmq.read:*/*'])
  writeFileSync(join(world.folder, 'reader'), reader.clientSecret)
  const asReader = {
    ...env,
    MINTMARK_CLIENT_ID: reader.clientId,
    MINTMARK_CLIENT_SECRET_FILE: join(world.folder, 'reader'),
  }
  const refused = await runPeer(command, { cwd: world.folder, env: asReader })
  t.match(refused.output, 'ACCESS_REFUSED', 'an account that may read alone declares no queue')

  await world.deleteAccount()
  t.match((await runPeer(command, options)).output, '401', 'no token for a deleted account')
  worksWith(t, {
    peer: 'RabbitMQ, rabbitmq_auth_backend_oauth2',
    version: debianVersion('rabbitmq-server'),
    settings: 'keys by HTTPS; scopes `rabbitmq.read:*/*`',
    deletion: 'when its token expires',
    rotation: 'fetches the keys',
  })
})
