import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { until } from '../support/embedded.ts'
import { testDatabase } from '../support/postgres.ts'
import { fatal, launch, onDatabase, mintmark as startMintmark, startServer } from '../support/process.ts'
import { databaseProxy } from '../support/proxy.ts'
import { refusedStart, serveHere } from '../support/serve-here.ts'
import { requestToken } from '../support/token.ts'

async function environment(t: Test, { migrate = true } = {}) {
  return onDatabase(await testDatabase(t, { migrate }))
}

const TOKEN_REQUEST = [
  'POST /realms/none/protocol/openid-connect/token HTTP/1.1',
  'content-type: application/x-www-form-urlencoded',
]

/** A request whose body has yet to end. */
async function halfRequest(url: string, lines = TOKEN_REQUEST) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const closed = once(socket, 'close')
  let received = ''
  socket
    .setEncoding('utf8')
    .on('error', () => {})
    .on('data', (chunk: string) => {
      received += chunk
    })
  await once(socket, 'connect')
  const head = [...lines, 'host: x', 'content-length: 29', 'expect: 100-continue']
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await once(socket, 'data')
  // It is under way: the server has asked for the body.
  received = received.replace('HTTP/1.1 100 Continue\r\n\r\n', '')
  return { socket, closed, received: () => received }
}

t.test('serves tokens on a database of its own choosing, and creates nothing there by itself', async (t) => {
  const env = await environment(t)
  const { url, child, ended } = await startServer(t, env)
  t.equal((await fetch(`${url}/health/ready`)).status, 200)
  t.same(JSON.parse((await mintmark(['realm', 'list', '--json'], env)).stdout), [])

  await mintmark(['realm', 'create', 'acme'], env)
  const made = await mintmark(['service-account', 'create', '--realm', 'acme', '--name', 'ci', '--json'], env)
  const response = await requestToken(url, 'acme', JSON.parse(made.stdout))
  t.equal(response.status, 200)
  t.match(await response.json(), { token_type: 'Bearer', access_token: /^ey/ })

  child.kill('SIGTERM')
  const { code, stdout, stderr } = await ended
  t.equal(code, 0)
  t.equal(stdout, '')
  const lines = stderr.trim().split('\n')
  for (const line of lines) t.type(JSON.parse(line).msg, 'string')
  t.match(JSON.parse(lines[0] as string), { msg: 'starting', version: /^\d/ })
})

t.test('finishes requests in flight before it stops, and accepts no new ones', async (t) => {
  const { url, child, ended, output } = await startServer(t, await environment(t))
  const idle = connect(Number(new URL(url).port), '127.0.0.1')
  idle.on('error', () => {})
  const { socket, closed, received } = await halfRequest(url)
  child.kill('SIGTERM')
  while (!output().stderr.includes('"stopping"')) await sleep(5)
  // In the end the port is closed.
  await until(() =>
    fetch(url).then(
      () => false,
      () => true,
    ),
  )
  socket.write('grant_type=client_credentials')
  await closed
  t.match(received(), /^HTTP\/1\.1 40[14] .*"error"/s)
  t.equal((await ended).code, 0)
})

t.test('a second signal to stop still lets requests in flight finish', async (t) => {
  for (const WORKERS of ['1', '2']) {
    const { url, child, ended, output } = await startServer(t, { ...(await environment(t)), WORKERS })
    const { socket, closed, received } = await halfRequest(url)
    const pids = Array.from(output().stderr.matchAll(/"pid":(\d+)/g), ([, pid]) => Number(pid))
    // As systemd does, to each of its processes.
    for (const pid of new Set([child.pid as number, ...pids])) process.kill(pid, 'SIGTERM')
    while (!output().stderr.includes('"stopping"')) await sleep(5)
    child.kill('SIGTERM')
    await sleep(200)
    socket.write('grant_type=client_credentials')
    await closed
    t.match(received(), /^HTTP\/1\.1 40[14] .*"error"/s)
    t.equal((await ended).code, 0)
  }
})

t.test('cuts what does not finish within ten seconds, and says so', async (t) => {
  const PUBLIC_URL = 'https://auth.test'
  const env = await environment(t)
  const { url, child, ended } = await startServer(t, { ...env, PUBLIC_URL })
  await mintmark(['realm', 'create', 'acme'], env)
  const role = ['--name', 'admin', '--role', 'account-admin']
  const made = await mintmark(['service-account', 'create', '--realm', 'acme', ...role, '--json'], env)
  const token = await requestToken(url, 'acme', JSON.parse(made.stdout), `${PUBLIC_URL}/admin`)
  const { access_token } = (await token.json()) as { access_token: string }
  // An import's body may take minutes: it does not end by itself before it is cut.
  const { closed } = await halfRequest(url, [
    'POST /admin/realms/acme/resources HTTP/1.1',
    `authorization: Bearer ${access_token}`,
    'content-type: application/x-ndjson',
  ])
  const asked = performance.now()
  child.kill('SIGINT')
  await closed
  const { code, stderr } = await ended
  t.equal(code, 1)
  t.match(stderr, /"level":50.*requests under way were cut after 10 s.*"stopped with errors"/)
  const seconds = (performance.now() - asked) / 1000
  t.ok(seconds > 9, `${seconds} s`)
})

t.test('tells all faults of the environment at once, and nothing else', async (t) => {
  const { code, stdout, stderr } = await startMintmark(['serve'], {
    PORT: 'http',
    DATABASE_URL: 'mysql://x',
    LOG_LEVEL: 'loud',
  })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(
    fatal(stderr),
    /^the environment has faults:\n {2}PORT .*\n {2}DATABASE_URL .*\n {2}MASTER_KEY or .*\n {2}LOG_LEVEL .*$/,
  )
})

t.test('says in one line of its log, and in nothing else, why it does not start', async (t) => {
  const env = await environment(t)
  const url = new URL(env['DATABASE_URL'] as string)
  url.host = '127.0.0.1:1'
  url.searchParams.delete('host')
  url.searchParams.set('sslmode', 'require')
  const { child, ended, output } = launch(['serve'], { ...env, PORT: '0', DATABASE_URL: url.href })
  await until(() => output().stderr.includes('cannot be reached yet'))
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  t.equal(code, 0)
  for (const line of stderr.trimEnd().split('\n')) t.type(JSON.parse(line).msg, 'string', line)
  const { stderr: faults } = await startMintmark(['serve'], { PORT: 'http' })
  t.match(JSON.parse(faults), { level: 60, time: Number, code: 'configuration', msg: /PORT/ })
})

t.test('tells in one line which port is taken', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, stderr } = await startMintmark(['serve'], { ...(await environment(t)), PORT: `${port}` })
  t.equal(code, 1)
  t.equal(fatal(stderr), `port ${port} on 127.0.0.1 is in use; set PORT to another, or stop what uses it`)
  t.match(await refusedStart({ ...(await environment(t)), HOST: '203.0.113.1' }), {
    exitCode: 1,
    detail: /^cannot listen on 203\.0\.113\.1 port 8080 \(EADDRNOTAVAIL\); set HOST and PORT$/,
  })
})

t.test('tells that HOST has no address, before anything waits for the database', async (t) => {
  const env = { ...onDatabase('postgres://localhost:1/none'), HOST: 'nowhere.invalid' }
  t.match(await refusedStart(env), {
    exitCode: 1,
    detail:
      /^the environment has faults:\n {2}HOST nowhere\.invalid does not resolve \(E\w+\): use an address or a known name$/,
  })
})

t.test('does not start with a master key that is not the one of the database', async (t) => {
  const env = await environment(t)
  await mintmark(['realm', 'list'], env)
  t.match(await refusedStart({ ...env, PORT: '0', MASTER_KEY: 'A'.repeat(43) }), {
    exitCode: 1,
    detail: /^the master key does not open the keys .* MASTER_KEY or MASTER_KEY_FILE.*$/,
  })
})

t.test('says what the database says when that turns it away', async (t) => {
  const env = await environment(t)
  const url = new URL(env['DATABASE_URL'] as string)
  url.pathname = '/no_such_database'
  const { code, stderr } = await startMintmark(['serve'], { ...env, PORT: '0', DATABASE_URL: url.href })
  t.equal(code, 6)
  t.match(
    fatal(stderr),
    /^.*database "no_such_database" does not exist; create the database that DATABASE_URL names$/,
  )
})

t.test('does not start on a database that it cannot write to', async (t) => {
  const env = await environment(t)
  await mintmark(['migrate'], env)
  const url = new URL(env['DATABASE_URL'] as string)
  url.searchParams.set('options', '-c default_transaction_read_only=on')
  const refused = await refusedStart({
    ...env,
    PORT: '0',
    DATABASE_URL: url.href,
    BOOTSTRAP_ADMIN_CLIENT_ID: 'root',
    BOOTSTRAP_ADMIN_CLIENT_SECRET: 'correct horse battery',
  })
  t.match(refused, {
    exitCode: 6,
    detail:
      /^database error: 25006: cannot execute .* read-only transaction; point DATABASE_URL at the primary.*$/,
  })
})

t.test('does not start on a database that has another’s tables', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('create table realms (name text)')
  await client.end()
  t.match(await refusedStart({ ...onDatabase(databaseUrl), PORT: '0' }), {
    exitCode: 6,
    detail: /^migration 0001_realms failed \(42P07: relation "realms" already exists\); nothing was changed/,
  })
})

t.test('waits for a database that is not there yet', async (t) => {
  const env = await environment(t, { migrate: false })
  const proxy = await databaseProxy(t, env['DATABASE_URL'] as string)
  const { url, log } = await serveHere(t, { ...env, DATABASE_URL: proxy.databaseUrl }, async (log) => {
    while (!log().includes('cannot be reached yet')) await sleep(10)
    await proxy.open()
  })
  t.equal((await fetch(`${url}/health/ready`)).status, 200)
  t.match(log(), /cannot be reached yet .*trying again in 100 ms/)
})

t.test('ends at once when it is told to while it waits for the database', async (t) => {
  const env = await environment(t)
  const proxy = await databaseProxy(t, env['DATABASE_URL'] as string)
  const { child, ended, output } = launch(['serve'], { ...env, PORT: '0', DATABASE_URL: proxy.databaseUrl })
  while (!output().stderr.includes('in 200 ms')) await sleep(10)
  child.kill('SIGTERM')
  t.equal((await ended).code, 0)
})

t.test('ends at once when it is told to while its workers wait for the database', async (t) => {
  const env = await environment(t, { migrate: false })
  const proxy = await databaseProxy(t, env['DATABASE_URL'] as string)
  await proxy.open()
  const { child, ended, output } = launch(['serve'], {
    ...env,
    PORT: '0',
    WORKERS: '2',
    DATABASE_URL: proxy.databaseUrl,
  })
  while (!output().stderr.includes('database migrated')) await sleep(1)
  proxy.close()
  while (!output().stderr.includes('in 200 ms')) await sleep(10)
  child.kill('SIGTERM')
  t.equal((await ended).code, 0)
})

t.test('a command waits five seconds for the database and then says so', async (t) => {
  const env = await environment(t)
  const proxy = await databaseProxy(t, env['DATABASE_URL'] as string)
  const { code, stderr } = await mintmark(['realm', 'list'], { ...env, DATABASE_URL: proxy.databaseUrl })
  t.equal(code, 6)
  t.match(stderr, /mintmark: the database could not be reached within 5 s: .*ECONNREFUSED.*\n$/)
})

t.test(
  'several that start at once on an empty database migrate it once and make one administrator',
  async (t) => {
    const credentials = { client_id: 'root', client_secret: 'correct horse battery' }
    const env = {
      ...(await environment(t, { migrate: false })),
      BOOTSTRAP_ADMIN_CLIENT_ID: credentials.client_id,
      BOOTSTRAP_ADMIN_CLIENT_SECRET: credentials.client_secret,
    }
    const servers = await Promise.all([1, 2, 3].map(() => serveHere(t, env)))
    const logs = servers.map(({ log }) => log()).join('')
    t.equal(logs.match(/"database migrated"/g)?.length, 1)
    t.equal(logs.match(/platform administrator created/g)?.length, 1)
    t.notMatch(logs, credentials.client_secret)
    for (const { url } of servers) t.equal((await requestToken(url, 'system', credentials)).status, 200)

    const again = await serveHere(t, env)
    t.notMatch(again.log(), /platform administrator created|database migrated|is not a secret of this client/)
    const changed = { ...env, BOOTSTRAP_ADMIN_CLIENT_SECRET: 'another horse battery' }
    const { url: last, log } = await serveHere(t, changed)
    t.match(
      log(),
      /"level":40.*"client_id":"root".*BOOTSTRAP_ADMIN_CLIENT_SECRET is not a secret of this client.*reset-secret/,
    )
    t.equal((await requestToken(last, 'system', credentials)).status, 200)
  },
)
