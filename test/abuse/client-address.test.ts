import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { parseAddress, type TrustedProxies } from '../../src/http/client-address.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const PEER = '127.0.0.1'

/** The address that the log has of a request with these lines of X-Forwarded-For. */
async function loggedAddress({ app, log }: TestServer, forwarded: string, peer = PEER): Promise<unknown> {
  await app.inject({ url: '/nowhere', headers: { 'x-forwarded-for': forwarded }, remoteAddress: peer })
  return JSON.parse(log.at(-1) as string).address
}

t.test('an element of X-Forwarded-For counts as its address, without port, brackets and zone', async (t) => {
  const server = await testServer(t, { trustProxy: 1 })
  for (const [forwarded, address] of [
    ['203.0.113.51', '203.0.113.51'],
    ['203.0.113.51:20001', '203.0.113.51'],
    ['[2001:db8::7]:443', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:DB8:0::7', '2001:db8::7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:203.0.113.51', '203.0.113.51'],
    ['[::ffff:cb00:7133]:1', '203.0.113.51'],
    ['198.51.100.1, 203.0.113.51:9', '203.0.113.51'],
    ['junk, 203.0.113.51', '203.0.113.51'],
  ] as const)
    t.equal(await loggedAddress(server, forwarded), address, forwarded)
})

t.test('a log line has the X-Request-Id of a trusted proxy, and of nobody else', async (t) => {
  const ask = async ({ app, log }: TestServer, id: string) => {
    await app.inject({ url: '/nowhere', headers: { 'x-request-id': id }, remoteAddress: PEER })
    return JSON.parse(log.at(-1) as string).request_id
  }
  const id = '7f2c9a34-5d1e-4f0b-9a57-0c8e7a1d2b3c'
  for (const trustProxy of [1, ['127.0.0.0/8']]) {
    const server = await testServer(t, { trustProxy })
    t.equal(await ask(server, id), id)
    for (const text of ['', 'a b', '<script>', 'x'.repeat(129)]) t.equal(await ask(server, text), undefined)
  }
  for (const trustProxy of [0, ['10.0.0.0/8']])
    t.equal(await ask(await testServer(t, { trustProxy }), id), undefined)
})

t.test('an invalid address in X-Forwarded-For is ignored: the hop before it counts', async (t) => {
  const server = await testServer(t, { trustProxy: 1 })
  const none = [
    'unknown',
    '_hidden',
    '',
    ',',
    'localhost',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:x',
    '[::1',
  ]
  const evil = [
    '<script>alert(1)</script>',
    'a'.repeat(7000),
    ','.repeat(7000),
    'fe80::1%<b>',
    `[::1%${'x'.repeat(60)}]:1 `,
  ]
  for (const forwarded of [...none, ...evil, '203.0.113.51, unknown', '203.0.113.51,'])
    t.match(
      String(await loggedAddress(server, forwarded)),
      /^(127\.0\.0\.1|fe80::1|::1)$/,
      forwarded.slice(0, 40),
    )
  const two = await testServer(t, { trustProxy: 2 })
  t.equal(await loggedAddress(two, 'unknown, 10.0.0.2'), '10.0.0.2')
})

t.test('an element of the header is read as an address or ignored', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.ipV4(),
        fc.ipV6(),
        fc.ipV6().map((a) => `[${a}]:1`),
      ),
      (text) => {
        const address = parseAddress(text)
        return (
          address === undefined || (/^[\da-f.:]{2,45}$/.test(address) && parseAddress(address) === address)
        )
      },
    ),
  )
})

t.test('proxies are counted from the right, or known by their networks', async (t) => {
  const cases: [TrustedProxies, peer: string, forwarded: string, address: string][] = [
    [1, PEER, '1.1.1.1, 2.2.2.2', '2.2.2.2'],
    [2, PEER, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [3, PEER, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [['127.0.0.0/8'], PEER, '1.1.1.1, 2.2.2.2', '2.2.2.2'],
    [['127.0.0.0/8', '2.2.2.0/24'], PEER, '1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [['127.0.0.0/8', '2001:db8::/32'], PEER, '1.1.1.1, [2001:db8::9]:1', '1.1.1.1'],
    [['10.0.0.0/8'], PEER, '1.1.1.1', PEER],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [0, '::ffff:10.0.0.1', '1.1.1.1', '10.0.0.1'],
  ]
  for (const [trustProxy, peer, forwarded, address] of cases)
    t.equal(await loggedAddress(await testServer(t, { trustProxy }), forwarded, peer), address)
})

t.test('several lines of X-Forwarded-For are one list', async (t) => {
  const { app, log } = await testServer(t, { trustProxy: 2 })
  await app.listen({ port: 0, host: PEER })
  const socket = connect((app.server.address() as AddressInfo).port, PEER)
  socket.end(
    'GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nconnection: close\r\n\r\n',
  )
  await once(socket.resume(), 'close')
  t.match(log.at(-1), '"address":"1.1.1.1"')
})

t.test('no other header of proxies is believed', async (t) => {
  const { app, log } = await testServer(t, { trustProxy: 1 })
  const headers = {
    forwarded: 'for=1.1.1.1',
    'x-real-ip': '1.1.1.1',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'gopher',
  }
  const { body } = await app.inject({ url: '/admin/openapi.json', headers })
  t.notMatch(body, /evil\.test|gopher/)
  t.match(log.at(-1), '"address":"127.0.0.1"')
})

t.test('changing ports does not bypass the limit of an address', async (t) => {
  const { app, operations } = await testServer(t, { trustProxy: 1 })
  await operations.realms.create(TESTER, 'acme')
  const ask = (port: number) =>
    app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': `203.0.113.51:${port}`,
      },
      payload: 'grant_type=client_credentials&client_id=sa_x&client_secret=wrong',
    })
  for (let port = 1; port <= 5; port++) t.equal((await ask(port)).statusCode, 401)
  t.equal((await ask(6)).statusCode, 429)
})

t.test('X-Forwarded-For from a peer that is not trusted is told of, once', async (t) => {
  const server = await testServer(t)
  for (let i = 0; i < 3; i++) t.equal(await loggedAddress(server, '1.1.1.1'), PEER)
  const warnings = server.log.filter((line) => line.includes('TRUST_PROXY'))
  t.match(warnings, [/"level":40.*"address":"127\.0\.0\.1".*set TRUST_PROXY/])
  t.equal(warnings.length, 1)
})
