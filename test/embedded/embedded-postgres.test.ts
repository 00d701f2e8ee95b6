import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import { type EmbeddedPostgres, openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { findPostmaster, startPostmaster, stopPostmaster } from '../../src/embedded/postmaster.ts'
import { dataDirMaker, query, until } from '../support/embedded.ts'
import { temporaryFolder } from '../support/process.ts'

const makeDataDir = await dataDirMaker(t)
const silent = () => {}

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
  const dataDir = makeDataDir(t)
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
  const dataDir = makeDataDir(t)
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
  const dataDir = makeDataDir(t)
  const { data } = await openCluster(dataDir)
  writeFileSync(join(data, 'PG_VERSION'), '12\n')
  await t.rejects(openEmbeddedPostgres(dataDir, silent), {
    name: 'EmbeddedPostgresError',
    message: /did not start: database files are incompatible with server \(its log is .*log\)/,
  })
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

t.test('a PostgreSQL that does not stop in time is stopped at once', async (t) => {
  const cluster = await openCluster(makeDataDir(t))
  await startPostmaster(cluster)
  await until(() => existsSync(join(cluster.data, '.s.PGSQL.5432')))
  await stopPostmaster(cluster, 0)
  await until(async () => (await findPostmaster(cluster)) === undefined)
  await stopPostmaster(cluster)
})

t.test('begins its log anew when it has grown large', async (t) => {
  const dataDir = makeDataDir(t)
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
