import { execFileSync } from 'node:child_process'
import { chmodSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../support/free-port.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import {
  crash,
  launch,
  MASTER_KEY_ENVIRONMENT,
  mintmark,
  type Started,
  startServer,
  temporaryFolder,
} from '../support/process.ts'
import { survive } from './fault.ts'
import { checkInvariants } from './invariants.ts'
import { BOOTSTRAP, startWorkload } from './workload.ts'

const KILLS = 12
const HOUR = 3_600_000
const CLOCK = join(import.meta.dirname, '../support/shifted-clock.mjs')

t.test(
  `a node is killed (-9) ${KILLS} times at random moments of creations, resets, deletions and rotations`,
  async (t) => {
    const postgres = await ownPostgres(t)
    const PORT = String(await freePort())
    const environment = { ...MASTER_KEY_ENVIRONMENT, ...BOOTSTRAP, DATABASE_URL: postgres.databaseUrl, PORT }
    let node = await startServer(t, environment)
    const workload = await startWorkload([node.url])
    let slowest = 0
    for (let n = 0; n < KILLS; n++) {
      await sleep(300 + Math.random() * 700)
      await crash(node)
      node = await startServer(t, environment)
      slowest = Math.max(slowest, await workload.untilToken())
    }
    await workload.stop()
    t.comment(`tokens again at most ${Math.round(slowest)} ms after it listened`)
    await checkInvariants(t, postgres, workload, node.url)
  },
)

t.test('two nodes rotate the keys of one realm at once', (t) =>
  survive(t, { nodes: 2, recoverySeconds: 2, fault: () => sleep(6000) }),
)

t.test('one of two nodes is killed (-9), and the other one goes on', async (t) => {
  const postgres = await ownPostgres(t)
  const PUBLIC_URL = 'http://auth.test'
  const DATABASE_URL = postgres.databaseUrl
  const environment = { ...MASTER_KEY_ENVIRONMENT, ...BOOTSTRAP, DATABASE_URL, PUBLIC_URL }
  const nodes = [await startServer(t, environment), await startServer(t, environment)] as const
  const workload = await startWorkload(nodes.map(({ url }) => url))
  await sleep(1000)
  await crash(nodes[0])
  const recovered = await workload.untilToken()
  await sleep(2000)
  await workload.stop()
  t.ok(recovered < 2000, `a token ${Math.round(recovered)} ms later`)
  await checkInvariants(t, postgres, workload, nodes[1].url)
})

for (const [name, milliseconds] of [
  ['an hour ahead', HOUR],
  ['an hour behind', -HOUR],
] as const)
  t.test(
    `the clock of the second node jumps ${name} for three seconds, and no key is lost by it`,
    async (t) => {
      const postgres = await ownPostgres(t)
      const CLOCK_SHIFT_FILE = join(temporaryFolder(t), 'shift')
      const environment = { ...MASTER_KEY_ENVIRONMENT, ...BOOTSTRAP, DATABASE_URL: postgres.databaseUrl }
      const right = await startServer(t, environment)
      const wrong = await startServer(t, {
        ...environment,
        CLOCK_SHIFT_FILE,
        NODE_OPTIONS: `--import=${CLOCK}`,
      })
      // Clients ask the node that is right; the other one looks after keys too.
      const workload = await startWorkload([right.url])
      await sleep(2500)
      const kids = () => postgres.query("select kid from signing_keys where state <> 'next'")
      const before = (await kids()).rows.map(({ kid }) => kid)
      shiftClock(wrong, CLOCK_SHIFT_FILE, milliseconds)
      await sleep(3000)
      const after = (await kids()).rows.map(({ kid }) => kid)
      t.same(
        before.filter((kid) => !after.includes(kid)),
        [],
        'keys whose tokens are alive stay',
      )
      t.match(wrong.output().stderr, 'key rotation and clean-up are paused')
      shiftClock(wrong, CLOCK_SHIFT_FILE, 0)
      await sleep(1500)
      await workload.stop()
      await checkInvariants(t, postgres, workload, wrong.url)
    },
  )

function shiftClock({ child }: Started, file: string, milliseconds: number): void {
  writeFileSync(file, String(milliseconds))
  child.kill('SIGUSR2')
}

t.test('the server has no file descriptors left, and then has some again', (t) =>
  survive(t, {
    recoverySeconds: 3,
    fault: async ({ nodes: [node] }) => {
      const limit = (soft: string) =>
        execFileSync('prlimit', ['--pid', `${node?.child.pid}`, `--nofile=${soft}:`])
      limit('30')
      const { port, hostname } = new URL((node as Started).url)
      const script = `const net=require('net');for(let i=0;i<200;i++)net.connect(${port},'${hostname}').on('error',()=>{});setTimeout(()=>process.exit(),3000)`
      execFileSync(process.execPath, ['-e', script])
      limit('4096')
    },
  }),
)

t.test('the connections of the server are few, and its requests many', (t) =>
  survive(t, { recoverySeconds: 2, environment: { WORKERS: '2' }, fault: () => sleep(3000) }),
)

t.test('DATA_DIR is read-only while the server runs: it needs it for nothing', (t) =>
  survive(t, {
    recoverySeconds: 1,
    fault: async ({ nodes: [node] }) => {
      const folder = (node as Started).environment['DATA_DIR'] as string
      chmodSync(folder, 0o500)
      await sleep(2000)
      chmodSync(folder, 0o700)
    },
  }),
)

t.test(
  'with a DATA_DIR that is read-only or full an embedded server says what is wrong, and starts once it is mended',
  async (t) => {
    for (const fault of ['ro', 'full'] as const) {
      const DATA_DIR = temporaryFolder(t)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'tmpfs', DATA_DIR])
      t.teardown(() => void execFileSync('umount', ['-l', DATA_DIR]))
      const filler = join(DATA_DIR, 'filler')
      if (fault === 'ro') execFileSync('mount', ['-o', 'remount,ro', DATA_DIR])
      else {
        const { bavail, bsize } = statfsSync(DATA_DIR)
        writeFileSync(filler, Buffer.alloc(bavail * bsize - 128 * 1024))
      }
      const { code, stderr } = await launch(['serve'], { DATA_DIR, PORT: '0' }).ended
      t.equal(code, 1)
      t.match(stderr, /read-only|EROFS|space|ENOSPC/i)
      t.notMatch(stderr, /at \w+.*:\d+:\d+/, 'a sentence and no stack')
      if (fault === 'ro') execFileSync('mount', ['-o', 'remount,rw', DATA_DIR])
      else execFileSync('rm', [filler])
      const { url } = await startServer(t, { DATA_DIR })
      t.equal((await fetch(`${url}/health/ready`)).status, 200)
    }
  },
)

t.test('migrations are killed (-9) at random moments, and the next start finishes them', async (t) => {
  const postgres = await ownPostgres(t)
  const environment = { ...MASTER_KEY_ENVIRONMENT, DATABASE_URL: postgres.databaseUrl }
  for (let n = 0; n < 10; n++) {
    await postgres.query('drop schema public cascade; create schema public')
    const run = launch(['migrate'], environment)
    await sleep(200 + Math.random() * 300)
    await crash(run)
    const { code, stderr } = await mintmark(['migrate'], environment)
    t.equal(code, 0, stderr)
    const made = await mintmark(['realm', 'create', 'acme'], environment)
    t.equal(made.code, 0, made.stderr)
  }
})
