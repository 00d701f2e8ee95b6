import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { until } from '../support/embedded.ts'
import { TESTER, type TestServer, type TestServerOptions, testServer } from '../support/server.ts'

const TOKEN_PATH = '/realms/acme/protocol/openid-connect/token'

interface Listening extends TestServer {
  readonly port: number
  readonly form: string
}

async function listening(t: Test, options: TestServerOptions = {}): Promise<Listening> {
  const server = await testServer(t, options)
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const form = `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`
  return { ...server, port, form }
}

/** Sends bytes as they are and returns all that comes back until the connection is closed. */
function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
  })
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject)
  })
}

function post(form: string, headers = ''): string {
  return `POST ${TOKEN_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(form)}\r\n${headers}\r\n${form}`
}

async function statusOf({ port, form }: Listening): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${TOKEN_PATH}`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  await answer.arrayBuffer()
  return answer.status
}

t.test('a slow sender is disconnected while others are served', async (t) => {
  const server = await listening(t, { requestTimeoutMilliseconds: 1000 })
  const starts = [
    '',
    'POST /',
    `POST ${TOKEN_PATH} HTTP/1.1\r\nHost: x\r\nX-A: `,
    post(server.form).slice(0, -5),
  ]
  const slow = starts.map((start) => exchange(server.port, start))
  t.equal(await statusOf(server), 200)
  for (const answer of await Promise.all(slow)) t.match(answer, /^(HTTP\/1.1 408 |$)/, answer.slice(0, 20))
  t.equal(await statusOf(server), 200)
})

t.test('two thousand idle connections delay no request, and are closed', async (t) => {
  const server = await listening(t, { requestTimeoutMilliseconds: 2000 })
  const sockets: Socket[] = []
  // In portions that the queue of connections yet to be accepted can hold.
  while (sockets.length < 2000)
    sockets.push(...(await Promise.all(Array.from({ length: 200 }, () => connected(server.port)))))
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve))))
  t.equal(await statusOf(server), 200)
  for (const socket of sockets) socket.resume()
  await closed
  t.equal(await statusOf(server), 200)
})

t.test('headers and bodies without end are refused', async (t) => {
  const server = await listening(t)
  const bomb = `GET /health/live HTTP/1.1\r\nHost: x\r\n${`X-${'a'.repeat(1000)}: ${'b'.repeat(1000)}\r\n`.repeat(20)}\r\n`
  t.match(await exchange(server.port, bomb), /^HTTP\/1.1 431 /)
  t.match(await exchange(server.port, post('x'.repeat(20_000), 'Connection: close\r\n')), /^HTTP\/1.1 413 /)
  const chunked = post('', 'Transfer-Encoding: chunked\r\nConnection: close\r\n').replace(
    'Content-Length: 0\r\n',
    '',
  )
  t.match(
    await exchange(server.port, chunked + `1000\r\n${'x'.repeat(4096)}\r\n`.repeat(10)),
    /^HTTP\/1.1 413 /,
  )
  t.equal(await statusOf(server), 200)
})

t.test('requests sent ahead of their answers are answered in order', async (t) => {
  const server = await listening(t)
  const many = post(server.form).repeat(49) + post(server.form, 'Connection: close\r\n')
  const answers = await exchange(server.port, many)
  t.equal(answers.match(/HTTP\/1.1 200 OK/g)?.length, 50)
  t.equal(new Set(answers.match(/"access_token":"[^"]+"/g)).size, 50)
})

t.test('a request that two parsers could read differently is refused', async (t) => {
  const server = await listening(t)
  const head = `POST ${TOKEN_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n`
  const smuggled = '0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const headers of [
    `Content-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n`,
    `Content-Length: ${smuggled.length}\r\nContent-Length: 3\r\n`,
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
    'Transfer-Encoding : chunked\r\n',
    ' Content-Length: 3\r\n',
    'Content-Length: +3\r\n',
    'Content-Length: 0x3\r\n',
  ]) {
    const answer = await exchange(server.port, `${head}${headers}\r\n${smuggled}`)
    t.match(answer, /^HTTP\/1.1 400 /, JSON.stringify(headers))
    t.equal(answer.match(/HTTP\/1.1/g)?.length, 1)
  }
})

t.test('a compressed body is refused, whatever it unpacks to', async (t) => {
  const { app, form } = await listening(t)
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' }
  const answer = await app.inject({ method: 'POST', url: TOKEN_PATH, headers, payload: gzipSync(form) })
  t.equal(answer.statusCode, 400)
  t.same(answer.json(), {
    error: 'invalid_request',
    error_description: 'Content-Encoding is not supported.',
  })
})

t.test('more requests at once than can be borne are turned away early, and none afterwards', async (t) => {
  const server = await listening(t, {
    maxInFlight: 10,
  })
  // Ten whose form is still on its way.
  const begun = await Promise.all(Array.from({ length: 10 }, () => connected(server.port)))
  for (const socket of begun)
    socket.write(
      `POST ${TOKEN_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ${server.form.length}\r\n\r\n`,
    )
  await until(async () => (await statusOf(server)) === 503)
  t.same(new Set(await Promise.all([statusOf(server), statusOf(server)])), new Set([503]))
  const answers = begun.map((socket) => once(socket, 'data'))
  for (const socket of begun) socket.write(server.form)
  for (const [answer] of await Promise.all(answers)) t.match(String(answer), /^HTTP\/1.1 200 OK/)
  for (const socket of begun) socket.destroy()
  t.equal((await server.app.inject('/health/ready')).statusCode, 200)
  t.match(server.log.join('\n'), /"outcome":"temporarily_unavailable","reason":"overloaded: \d+ requests"/)
  t.equal(await statusOf(server), 200)
})

t.test('asking for readiness takes no connections from tokens, however many ask', async (t) => {
  const { app, operations } = await testServer(t)
  await app.inject('/health/ready')
  const before = (await operations.measurements.take()).connections.tokens.total
  const answers = await Promise.all(Array.from({ length: 300 }, () => app.inject('/health/ready')))
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal((await operations.measurements.take()).connections.tokens.total, before)
})

t.test('requests given up by their clients do not count as under way', async (t) => {
  const server = await listening(t, {
    maxInFlight: 10,
  })
  for (let i = 0; i < 30; i++) {
    await new Promise<void>((resolve) => {
      const given = request({
        port: server.port,
        method: 'POST',
        path: TOKEN_PATH,
        headers: { 'content-length': 50 },
      })
      given
        .on('error', () => {})
        .on('close', resolve)
        .write('grant_type=')
      setTimeout(() => given.destroy(), 5)
    })
  }
  await until(async () => (await statusOf(server)) === 200)
})
