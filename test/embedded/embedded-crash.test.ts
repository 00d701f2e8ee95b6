import { existsSync, readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { findPostmaster, startPostmaster } from '../../src/embedded/postmaster.ts'
import { dataDirMaker, postmasterOf, query, startOpener, until } from '../support/embedded.ts'
import { temporaryFolder } from '../support/process.ts'

const makeDataDir = await dataDirMaker(t)
const silent = () => {}

t.test('is started again when it is killed, and keeps what was committed', async (t) => {
  const dataDir = makeDataDir(t)
  const said: string[] = []
  const embedded = await openEmbeddedPostgres(dataDir, (message) => said.push(message))
  t.teardown(() => embedded.close())
  await query(embedded, 'create table kept (n int)')
  for (let n = 1; n <= 3; n++) {
    await query(embedded, `insert into kept values (${n})`)
    const before = said.length
    process.kill(await postmasterOf(dataDir), 'SIGKILL')
    // A start that finds the old one's processes still ending says so too, and is tried again.
    await until(() => said.length > before)
    await until(() => query(embedded, 'select 1').then(Boolean, () => false))
    t.same(await query(embedded, 'select count(*)::int as n from kept'), { n })
  }
})

t.test('is used further when the process that started it was killed', async (t) => {
  const dataDir = makeDataDir(t)
  const { child, opened, ended } = startOpener(dataDir)
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
    const { child, ended } = startOpener(dataDir)
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
  const dataDir = makeDataDir(t)
  const cluster = await openCluster(dataDir)
  for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock'])
    writeFileSync(join(cluster.data, file), `${process.pid}\n${cluster.data}\n1\n5432\n.\n\n`)
  t.equal(await findPostmaster(cluster), undefined)
  t.equal(await findPostmaster(cluster, 'darwin'), process.pid, 'where one cannot tell, it counts')
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
  await embedded.close()
})

t.test('is tried again for as long as it is wanted', async (t) => {
  const dataDir = makeDataDir(t)
  const said: string[] = []
  const embedded = await openEmbeddedPostgres(dataDir, (message) => said.push(message))
  const cluster = await openCluster(dataDir)
  const control = join(cluster.data, 'global/pg_control')
  const isThere = () => query(embedded, 'select 1').then(Boolean, () => false)

  renameSync(control, `${control}.away`)
  process.kill(await postmasterOf(dataDir), 'SIGKILL')
  await until(() => said.some((line) => line.includes('does not start')))
  renameSync(`${control}.away`, control)
  await until(isThere)

  said.length = 0
  renameSync(control, `${control}.away`)
  process.kill(await postmasterOf(dataDir), 'SIGKILL')
  await until(() => said.some((line) => line.includes('does not start')))
  await embedded.close()
  renameSync(`${control}.away`, control)
  t.equal(await findPostmaster(cluster), undefined, 'not once it was closed')
})

t.test('a hanging PostgreSQL is not awaited forever', async (t) => {
  const dataDir = makeDataDir(t)
  const cluster = await openCluster(dataDir)
  await startPostmaster(cluster)
  await until(() => existsSync(join(cluster.data, '.s.PGSQL.5432')))
  const pid = (await findPostmaster(cluster)) as number
  process.kill(pid, 'SIGSTOP')
  await t.rejects(openEmbeddedPostgres(dataDir, silent, undefined, 1), {
    name: 'EmbeddedPostgresError',
    message: /^PostgreSQL in .* does not answer: timeout/,
  })
  process.kill(pid, 'SIGCONT')
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  await embedded.close()
})

t.test('starts though one was killed before it had written its pid file', async (t) => {
  const dataDir = makeDataDir(t)
  const { data } = await openCluster(dataDir)
  const aMinuteAgo = Date.now() / 1000 - 60
  for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
    writeFileSync(join(data, file), '')
    utimesSync(join(data, file), aMinuteAgo, aMinuteAgo)
  }
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.same(await query(embedded, 'select 1 as one'), { one: 1 })
  await embedded.close()
})

t.test('a PostgreSQL killed while it starts is started again', async (t) => {
  const dataDir = makeDataDir(t)
  const cluster = await openCluster(dataDir)
  const postmaster = await startPostmaster(cluster)
  t.equal(await postmaster.lastWords(), undefined)
  await until(async () => (await findPostmaster(cluster)) !== undefined)
  process.kill(await postmasterOf(dataDir), 'SIGKILL')
  await until(async () => (await postmaster.lastWords()) === 'killed by SIGKILL')
})
