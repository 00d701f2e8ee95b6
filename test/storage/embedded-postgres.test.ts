import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { openCluster } from '../../src/storage/embedded-cluster.ts'
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { findPostmaster, startPostmaster, stopPostmaster } from '../../src/storage/postmaster.ts'
import { temporaryFolder } from '../support/process.ts'

const OPENER = join(import.meta.dirname, '../support/open-embedded-postgres.ts')
const silent = () => {}

async function query({ connectionString }: Pick<EmbeddedPostgres, 'connectionString'>, text: string) {
  const client = new pg.Client({ connectionString })
  client.on('error', silent)
  await client.connect()
  try {
    return (await client.query(text)).rows[0]
  } finally {
    await client.end()
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return
    await sleep(10)
  }
  throw new Error(`not within 10 s: ${condition}`)
}

/** A process of its own that has the database open, as a server has. */
function opener(dataDir: string) {
  const child = spawn(process.execPath, [OPENER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, opened: once(child.stdout, 'data'), ended: once(child, 'exit') }
}

t.test('is a PostgreSQL 18 that syncs, below a folder closed to everybody else', async (t) => {
  const closed = temporaryFolder(t)
  chmodSync(closed, 0o700)
  const embedded = await openEmbeddedPostgres(join(closed, 'data'), silent)
  t.teardown(() => embedded.close())

  const { version, fsync } = await query(embedded, "select version(), current_setting('fsync') as fsync")
  t.match(version, /^PostgreSQL 18\./)
  t.equal(fsync, 'on')
  const folder = join(closed, 'data/postgres/18')
  t.equal(statSync(join(folder, 'password')).mode & 0o777, 0o600)
  t.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700)
})

t.test('takes no connection without the password', async (t) => {
  const dataDir = temporaryFolder(t)
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.teardown(() => embedded.close())
  const connectionString = embedded.connectionString.replace(/:\w+@/, ':guess@')
  await t.rejects(query({ connectionString }, 'select 1'), { code: '28P01' })
  const { data } = await openCluster(dataDir)
  writeFileSync(join(data, '../password'), 'guess\n')
  await t.rejects(openEmbeddedPostgres(dataDir, silent), { code: '28P01' })
})

t.test('runs once however many open it at the same moment, and until the last has closed it', async (t) => {
  const dataDir = temporaryFolder(t)
  const all = await Promise.all(Array.from({ length: 4 }, () => openEmbeddedPostgres(dataDir, silent)))
  const cluster = await openCluster(dataDir)
  const pid = await findPostmaster(cluster)
  t.ok(pid)
  t.same(readdirSync(join(dataDir, 'postgres')), ['18'], 'one cluster, and no drafts')

  const last = all.pop() as EmbeddedPostgres
  await Promise.all(all.map((each) => each.close()))
  t.equal(await findPostmaster(cluster), pid)
  t.same(await query(last, 'select 1 as one'), { one: 1 })
  await last.close()
  t.equal(await findPostmaster(cluster), undefined)
})

t.test('opens while another closes, again and again', async (t) => {
  const dataDir = temporaryFolder(t)
  async function openAndClose() {
    for (let i = 0; i < 3; i++) {
      const embedded = await openEmbeddedPostgres(dataDir, silent)
      t.same(await query(embedded, 'select 1 as one'), { one: 1 })
      await embedded.close()
    }
  }
  await Promise.all([openAndClose(), openAndClose(), openAndClose()])
  t.equal(await findPostmaster(await openCluster(dataDir)), undefined)
})

t.test('is started again when it is killed, and keeps what was committed', async (t) => {
  const dataDir = temporaryFolder(t)
  const said: string[] = []
  const embedded = await openEmbeddedPostgres(dataDir, (message) => said.push(message))
  t.teardown(() => embedded.close())
  await query(embedded, 'create table kept (n int)')
  for (let n = 1; n <= 3; n++) {
    await query(embedded, `insert into kept values (${n})`)
    process.kill((await findPostmaster(await openCluster(dataDir))) as number, 'SIGKILL')
    await until(() => said.length === n)
    await until(() => query(embedded, 'select 1').then(Boolean, () => false))
    t.same(await query(embedded, 'select count(*)::int as n from kept'), { n })
  }
})

t.test('is used further when the process that started it was killed', async (t) => {
  const dataDir = temporaryFolder(t)
  const { child, opened, ended } = opener(dataDir)
  await opened
  const cluster = await openCluster(dataDir)
  const pid = await findPostmaster(cluster)
  child.kill('SIGKILL')
  await ended

  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.equal(await findPostmaster(cluster), pid)
  await until(
    async () =>
      (await query(embedded, 'select count(*)::int as n from pg_locks where locktype = $$advisory$$')).n ===
      1,
  )
  await embedded.close()
  t.equal(await findPostmaster(cluster), undefined, 'the dead one does not count')
})

t.test('can be made after a kill at any moment of making it', async (t) => {
  const dataDir = temporaryFolder(t)
  for (const delay of [250, 350, 450, 600, 750, 900]) {
    const { child, ended } = opener(dataDir)
    await sleep(delay)
    child.kill('SIGKILL')
    await ended
  }
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
  await embedded.close()
  await until(async () => {
    await openCluster(dataDir)
    return readdirSync(join(dataDir, 'postgres')).length === 1
  })
})

t.test('starts though its pid file names a process that is another now', async (t) => {
  const dataDir = temporaryFolder(t)
  const cluster = await openCluster(dataDir)
  for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock'])
    writeFileSync(join(cluster.data, file), `${process.pid}\n${cluster.data}\n1\n5432\n.\n\n`)
  t.equal(await findPostmaster(cluster), undefined)
  t.equal(await findPostmaster(cluster, 'darwin'), process.pid, 'where one cannot tell, it counts')
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
  await embedded.close()
})

t.test('is reached by TCP where the folder is too deep for a socket', async (t) => {
  const dataDir = join(temporaryFolder(t), 'deep'.repeat(25))
  const [one, two, ...more] = await Promise.all([
    openEmbeddedPostgres(dataDir, silent),
    openEmbeddedPostgres(dataDir, silent),
    openEmbeddedPostgres(dataDir, silent),
  ])
  t.match(one.connectionString, /@127\.0\.0\.1:\d+\/postgres$/)
  t.equal(two.connectionString, one.connectionString)
  t.same(await query(one, 'select 1 as one'), { one: 1 })
  for (const each of [one, two, ...more]) await each.close()
})

t.test('says why it does not start, and where its log is', async (t) => {
  const dataDir = temporaryFolder(t)
  const { data } = await openCluster(dataDir)
  writeFileSync(join(data, 'PG_VERSION'), '12\n')
  await t.rejects(openEmbeddedPostgres(dataDir, silent), {
    name: 'EmbeddedPostgresError',
    message: /did not start: database files are incompatible with server \(its log is .*log\)/,
  })
})

t.test('is tried again for as long as it is wanted', async (t) => {
  const dataDir = temporaryFolder(t)
  const said: string[] = []
  const embedded = await openEmbeddedPostgres(dataDir, (message) => said.push(message))
  const cluster = await openCluster(dataDir)
  const control = join(cluster.data, 'global/pg_control')
  const isThere = () => query(embedded, 'select 1').then(Boolean, () => false)

  renameSync(control, `${control}.away`)
  process.kill((await findPostmaster(cluster)) as number, 'SIGKILL')
  await until(() => said.some((line) => line.includes('does not start')))
  renameSync(`${control}.away`, control)
  await until(isThere)

  said.length = 0
  renameSync(control, `${control}.away`)
  process.kill((await findPostmaster(cluster)) as number, 'SIGKILL')
  await until(() => said.some((line) => line.includes('does not start')))
  await embedded.close()
  renameSync(`${control}.away`, control)
  t.equal(await findPostmaster(cluster), undefined, 'not once it was closed')
})

t.test('one that hangs is not waited for without end', async (t) => {
  const dataDir = temporaryFolder(t)
  const cluster = await openCluster(dataDir)
  await startPostmaster(cluster)
  await until(() => existsSync(join(cluster.data, '.s.PGSQL.5432')))
  const pid = (await findPostmaster(cluster)) as number
  process.kill(pid, 'SIGSTOP')
  await t.rejects(openEmbeddedPostgres(dataDir, silent, 1), {
    name: 'EmbeddedPostgresError',
    message: /^PostgreSQL in .* does not answer: timeout/,
  })
  process.kill(pid, 'SIGCONT')
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  await embedded.close()
})

t.test('starts though one was killed before it had written its pid file', async (t) => {
  const dataDir = temporaryFolder(t)
  const { data } = await openCluster(dataDir)
  for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock']) writeFileSync(join(data, file), '')
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
  await embedded.close()
})

t.test('a start that the system refuses is a clear error', async (t) => {
  const folder = temporaryFolder(t)
  const cluster = {
    data: join(folder, 'none'),
    log: join(folder, 'log'),
    user: statSync(folder),
    port: undefined,
  }
  await t.rejects(startPostmaster({ ...cluster, connectionString: '' }), {
    name: 'EmbeddedPostgresError',
    message: /^PostgreSQL could not be started: .*ENOENT/,
  })
})

t.test('one that was killed while it started is no failure', async (t) => {
  const cluster = await openCluster(temporaryFolder(t))
  const postmaster = await startPostmaster(cluster)
  t.equal(await postmaster.lastWords(), undefined)
  await until(async () => (await findPostmaster(cluster)) !== undefined)
  process.kill((await findPostmaster(cluster)) as number, 'SIGKILL')
  await until(async () => (await postmaster.lastWords()) === 'killed by SIGKILL')
})

t.test('one that does not stop in time is made to', async (t) => {
  const cluster = await openCluster(temporaryFolder(t))
  await startPostmaster(cluster)
  await until(() => existsSync(join(cluster.data, '.s.PGSQL.5432')))
  await stopPostmaster(cluster, 0)
  await until(async () => (await findPostmaster(cluster)) === undefined)
  await stopPostmaster(cluster)
})

t.test('begins its log anew when it has grown large', async (t) => {
  const dataDir = temporaryFolder(t)
  const { log } = await openCluster(dataDir)
  writeFileSync(log, 'x'.repeat(5 * 1024 * 1024))
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  await embedded.close()
  t.match(readFileSync(log, 'utf8'), /^[^x]/)
})

t.test('says what is wrong with a DATA_DIR that it cannot use', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file'), '')
  await t.rejects(openEmbeddedPostgres(join(folder, 'file'), silent), {
    name: 'EmbeddedPostgresError',
    message: new RegExp(`^DATA_DIR ${folder}/file cannot be used: (ENOTDIR|EEXIST)`),
  })
})
