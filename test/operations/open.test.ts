import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { databaseProxy } from '../support/proxy.ts'
import { testServer } from '../support/server.ts'

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
