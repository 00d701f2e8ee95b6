import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import { findPostmaster } from '../../src/embedded/postmaster.ts'
import { prepare } from '../../src/server/prepare.ts'
import { mintmark } from '../support/command.ts'
import { dataDirMaker, postmasterOf } from '../support/embedded.ts'
import { crash, fatal, mintmark as startMintmark, startServer, temporaryFolder } from '../support/process.ts'
import { type Credentials, requestToken } from '../support/token.ts'

const makeDataDir = await dataDirMaker(t)

/** What the first user is told to paste. */
function readWelcome(stdout: string): Credentials & { url: string } {
  const [, url, file] = /curl -X POST (http\S+)\/realms\/demo\/\S+ \\\n +-d @'(.+)'\n/.exec(stdout) ?? []
  const form = new URLSearchParams(readFileSync(file as string, 'utf8'))
  return {
    url: url as string,
    client_id: form.get('client_id') as string,
    client_secret: form.get('client_secret') as string,
  }
}

t.test('the server is loaded while initdb makes the database', async (t) => {
  const DATA_DIR = join(temporaryFolder(t), 'data')
  const { cluster } = await prepare(loadConfig({ PORT: '0', DATA_DIR }))
  const drafts = readdirSync(join(DATA_DIR, 'postgres'))
  t.equal(drafts.length, 1)
  t.match(drafts[0], /^\d+\..+/, 'initdb works on it still')
  await cluster
  t.same(readdirSync(join(DATA_DIR, 'postgres')), [drafts[0]?.split('.')[0]])
})

t.test('starts from nothing and tells once, and in no log, how to get a token', async (t) => {
  const DATA_DIR = join(temporaryFolder(t), 'data')
  const first = await startServer(t, { DATA_DIR })
  const { stdout, stderr } = first.output()
  const { url, ...credentials } = readWelcome(stdout)
  t.equal(url, first.url.replace('127.0.0.1', 'localhost'))
  t.equal((await requestToken(first.url, 'demo', credentials)).status, 200)
  t.notMatch(stdout + stderr, credentials.client_secret)
  t.notMatch(stdout + stderr, /sign-in#/)
  for (const file of ['demo-client', 'welcome.txt'])
    t.equal(statSync(join(DATA_DIR, file)).mode & 0o777, 0o600)
  t.match(readFileSync(join(DATA_DIR, 'welcome.txt'), 'utf8'), credentials.client_secret)
  t.match(readFileSync(join(DATA_DIR, 'welcome.txt'), 'utf8'), /\/portal\/demo\/sign-in#/)
  t.equal(statSync(join(DATA_DIR, 'master-key')).mode & 0o777, 0o600)

  first.child.kill('SIGTERM')
  t.equal((await first.ended).code, 0)
  t.equal(await findPostmaster(await openCluster(DATA_DIR)), undefined, 'PostgreSQL goes with it')

  const second = await startServer(t, { DATA_DIR })
  t.equal(second.output().stdout, '')
  t.equal((await requestToken(second.url, 'demo', credentials)).status, 200)
})

t.test('commands work while the server runs, and without it', async (t) => {
  const DATA_DIR = makeDataDir(t)
  const create = (name: string) =>
    mintmark(['service-account', 'create', '--realm', 'acme', '--name', name, '--json'], { DATA_DIR })

  t.equal((await mintmark(['realm', 'create', 'acme'], { DATA_DIR })).code, 0)
  const without = JSON.parse((await create('without')).stdout)
  const server = await startServer(t, { DATA_DIR })
  t.equal((await requestToken(server.url, 'acme', without)).status, 200)
  const within = JSON.parse((await create('with')).stdout)
  t.equal((await requestToken(server.url, 'acme', within)).status, 200)

  // What a command changed is in force with its answer.
  const args = ['--realm', 'acme', within.client_id, '--json']
  const reset = JSON.parse(
    (await mintmark(['service-account', 'reset-secret', ...args], { DATA_DIR })).stdout,
  )
  t.equal((await requestToken(server.url, 'acme', within)).status, 401)
  t.equal((await requestToken(server.url, 'acme', reset)).status, 200)
  t.equal(server.output().stdout, '', 'no demo is made in a database that is in use')
})

t.test(
  'two servers on one DATA_DIR share the database, and the first to go leaves it to the other',
  async (t) => {
    const DATA_DIR = makeDataDir(t)
    const servers = await Promise.all([startServer(t, { DATA_DIR }), startServer(t, { DATA_DIR })])
    const shown = servers.map(({ output }) => output().stdout).filter(Boolean)
    t.equal(shown.length, 1, 'one of them made the demo')
    const credentials = readWelcome(shown.join())
    const [one, other] = servers
    for (const { url } of servers) t.equal((await requestToken(url, 'demo', credentials)).status, 200)
    one.child.kill('SIGTERM')
    await one.ended
    t.equal((await requestToken(other.url, 'demo', credentials)).status, 200)
  },
)

t.test('tokens come again by themselves when PostgreSQL was killed', async (t) => {
  const DATA_DIR = makeDataDir(t)
  const { url, output } = await startServer(t, { DATA_DIR })
  const credentials = readWelcome(output().stdout)
  process.kill(await postmasterOf(DATA_DIR), 'SIGKILL')
  const statuses = new Set<number>()
  for (let status = 0; status !== 200; await sleep(20)) {
    status = (await requestToken(url, 'demo', credentials)).status
    statuses.add(status)
  }
  t.ok(
    [...statuses].every((status) => status === 200 || status === 503),
    [...statuses].join(),
  )
})

t.test('workers share the embedded database with the server and with commands', async (t) => {
  const DATA_DIR = makeDataDir(t)
  const server = await startServer(t, { DATA_DIR, WORKERS: '2' })
  const credentials = readWelcome(server.output().stdout)
  t.equal((await requestToken(server.url, 'demo', credentials)).status, 200)
  await crash(server)
  const again = await startServer(t, { DATA_DIR })
  t.equal((await requestToken(again.url, 'demo', credentials)).status, 200)
})

t.test('a demo that was cut short is finished by the next start', async (t) => {
  const DATA_DIR = makeDataDir(t)
  await mintmark(['realm', 'create', 'demo'], { DATA_DIR })
  const server = await startServer(t, { DATA_DIR })
  t.equal((await requestToken(server.url, 'demo', readWelcome(server.output().stdout))).status, 200)
})

t.test('a disk that is full is one clear line, and the next start begins anew', async (t) => {
  const DATA_DIR = temporaryFolder(t)
  // No file may grow beyond 8 MB, and the first of the write-ahead log has 16.
  const { code, stderr } = await startMintmark(['serve'], { DATA_DIR, PORT: '0' }, { fileBlocks: 16_000 })
  t.equal(code, 1)
  t.match(fatal(stderr), /^PostgreSQL could not make a database in .*File too large/s)
  t.same(readdirSync(join(DATA_DIR, 'postgres')), [])
  const { url } = await startServer(t, { DATA_DIR })
  t.equal((await fetch(`${url}/health/ready`)).status, 200)
})

t.test('a DATA_DIR that cannot be used is one clear line', async (t) => {
  const { code, stderr } = await startMintmark(['serve'], { DATA_DIR: '/dev/null/data', PORT: '0' })
  t.equal(code, 1)
  t.match(fatal(stderr), /^DATA_DIR \/dev\/null\/data cannot be used: ENOTDIR.*$/)
})
