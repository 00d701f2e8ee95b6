import pg from 'pg'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { databaseProxy } from '../support/proxy.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('a server compares the migrations and opens its keys over one connection', async (t) => {
  const proxy = await databaseProxy(t, await testDatabase(t))
  await proxy.open()
  await testServer(t, { databaseUrl: proxy.databaseUrl })
  t.equal(proxy.connections(), 1)
})

t.test('a server that waits for its database says so, and tells no fault besides', async (t) => {
  const proxy = await databaseProxy(t, await testDatabase(t))
  let isOpening = false
  const onLog = () => {
    if (!isOpening) void proxy.open()
    isOpening = true
  }
  const { warnings } = await testServer(t, { databaseUrl: proxy.databaseUrl, onLog })
  t.ok(warnings.length > 0)
  for (const warning of warnings) t.match(warning, /^the database cannot be reached yet \(.*ECONNREFUSED/)
})

t.test('connections that break together are one line of the log, without a stack', async (t) => {
  const databaseUrl = await testDatabase(t)
  const { operations, warnings } = await testServer(t, { databaseUrl })
  const ask = () => operations.publishedRealms.find('none').catch(() => {})
  await Promise.all([
    ask(),
    operations.realms.list(TESTER, { after: '', limit: 1 }),
    operations.health.findHindrances(),
  ])
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const { rowCount } = await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  t.ok(Number(rowCount) > 1)
  const lost = () => warnings.filter((warning) => warning.startsWith('database connection lost'))
  while (lost().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await ask()
  t.same(lost(), ['database connection lost: 57P01: terminating connection due to administrator command'])
})
