import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { testServer } from '../support/server.ts'

/** A server that can be sent anything; what it answers to bytes, until it ends the connection. */
async function rawServer(t: Test) {
  const { app, log } = await testServer(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const send = async (bytes: string) => {
    let received = ''
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.end(bytes)
    await once(socket, 'close')
    return received
  }
  return { send, log }
}

const ROUTES = [
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /nowhere',
  'GET /realms/acme/protocol/openid-connect/certs',
  'POST /realms/acme/protocol/openid-connect/token',
  'POST /realms/acme/leaked-secrets',
  'GET /admin/realms',
  'GET /admin/nowhere',
  'GET /admin/openapi.json',
  'GET /portal',
  'GET /portal/nowhere/at/all',
]

t.test('two Host lines are refused on every route', async (t) => {
  const { send, log } = await rawServer(t)
  for (const route of ROUTES) {
    const lines = `${route} HTTP/1.1\r\nHost: localhost\r\nhost: evil.test\r\nConnection: close\r\n`
    t.match(await send(`${lines}\r\n`), /^HTTP\/1\.1 400 /, route)
    t.match(log.at(-1), /"reason":"(several_hosts|Send one Host header)/, route)
  }
})

t.test('a Host that cannot be one is refused on every route', async (t) => {
  const { send } = await rawServer(t)
  for (const route of ROUTES)
    t.match(
      await send(`${route} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      route,
    )
  for (const host of [
    '',
    'a/b',
    'u@a',
    'a,b',
    'a:b',
    'a:1:2',
    '::1',
    '[::1',
    'a:999999',
    'a:99999',
    '[::1]:65536',
    '<b>',
    'ä',
    '[a',
    '.',
    'a\tb',
  ])
    t.match(
      await send(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 400 /,
      JSON.stringify(host),
    )
  for (const host of ['a', 'a.b.example:8080', 'A_b-c', '127.0.0.1', '[::1]:80', 'a.', 'a:'])
    t.match(
      await send(`GET /health/live HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 200 /,
      host,
    )
})

t.test('the refusal says what to send, in the form of its route', async (t) => {
  const { send } = await rawServer(t)
  const ask = (route: string) => send(`${route} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n`)
  t.match(
    await ask('GET /health/live'),
    '{"error":"invalid_request","error_description":"Send one Host header',
  )
  t.match(
    await ask('GET /admin/realms'),
    /application\/problem\+json[\s\S]*"status":400,"detail":"Send one Host header/,
  )
  t.match(await ask('GET /portal'), /text\/html[\s\S]*Send one Host header/)
})

t.test('HTTP/1.1 without a Host is refused, HTTP/1.0 has none and is answered', async (t) => {
  const { send } = await rawServer(t)
  t.match(await send('GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await send('GET /health/live HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /)
  t.match(await send('GET /metrics HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 401 /)
})

t.test('metrics heed the host in the address of a request before that of its Host line', async (t) => {
  const { app } = await testServer(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const ask = async (path: string) => {
    const headers = { host: 'localhost', connection: 'close' }
    const [answer] = await once(get({ host: '127.0.0.1', port, path, headers }), 'response')
    answer.resume()
    return answer.statusCode
  }
  t.equal(await ask('/metrics'), 200)
  t.equal(await ask('http://evil.test/metrics'), 401)
})
