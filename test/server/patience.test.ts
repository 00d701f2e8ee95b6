import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import pg from 'pg'
import t from 'tap'
import { adminToken } from '../support/admin.ts'
import { untilLocked } from '../support/postgres.ts'
import { dribble } from '../support/raw.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('an answer that takes longer than a connection may be idle arrives all the same', async (t) => {
  const server = await testServer(t, { requestTimeoutMilliseconds: 600 })
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query("begin; select from realms where name = 'acme' for update")
  // The database gives it up after 1.4 s: until then it only waits.
  const answer = await fetch(`http://127.0.0.1:${port}/admin/realms/acme/service-accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"name":"CI"}',
  })
  t.equal(answer.status, 503)
  await answer.arrayBuffer()
  await client.query('rollback')
})

t.test('a body that arrives too slowly is 408 in the format of its endpoint', async (t) => {
  const server = await testServer(t, { requestTimeoutMilliseconds: 400 })
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  const path = '/admin/realms/acme/service-accounts'
  const request = await dribble(server.app, 'POST', path, { token, body: '{"name":"CI"}' })
  const { status, text } = await request.finish('{"')
  t.equal(status, 408)
  t.match(text, /content-type: application\/problem\+json/)
  t.match(text, /connection: close/)
  t.same((await server.operations.accounts.list(TESTER, 'acme', { after: 'admj', limit: 9 })).items, [])
})

t.test('an import may take longer to arrive than any other request', async (t) => {
  const server = await testServer(t, { requestTimeoutMilliseconds: 1000 })
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  const lines = '{"type":"device","id":"d1"}\n{"type":"device","id":"d2"}'
  const padding = 1000
  const slow = await dribble(server.app, 'POST', '/admin/realms/acme/resources', {
    token,
    body: '\n'.repeat(padding) + lines,
    type: 'application/x-ndjson',
  })
  let left = padding - 2
  const dripping = setInterval(() => left-- > 0 && slow.send('\n'), 20)
  const path = '/admin/realms/acme/service-accounts'
  const other = await dribble(server.app, 'POST', path, { token, body: '{"name":"CI"}' })
  t.equal((await other.finish('{"')).status, 408)
  clearInterval(dripping)
  const { status, text } = await slow.finish('\n'.repeat(left) + lines)
  t.equal(status, 200, text)
  t.equal(text.match(/"status":"created"/g)?.length, 2)
})

t.test('a request whose client left is logged and counted', async (t) => {
  const server = await testServer(t, { metricsToken: 'metrics' })
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query("begin; select from realms where name = 'acme' for update")
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const head = [
    'Host: x',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    'Content-Length: 13',
  ]
  socket.write(
    `POST /admin/realms/acme/service-accounts HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n{"name":"CI"}`,
  )
  await untilLocked(server.databaseUrl, 1)
  socket.destroy()
  // Its line comes once the server has seen that the connection is closed.
  while (!server.log.some((line) => line.includes('client_gone'))) await new Promise(setImmediate)
  await client.query('rollback')
  t.match(JSON.parse(server.log.find((line) => line.includes('client_gone')) as string), {
    status: 499,
    outcome: 'client_gone',
    method: 'POST',
    route: '/admin/realms/:realm/service-accounts',
  })
  const metrics = await server.app.inject({ url: '/metrics', headers: { authorization: 'Bearer metrics' } })
  t.match(metrics.body, /mintmark_request_duration_seconds_count\{[^}]*status="client_gone"[^}]*\} 1/)
})
