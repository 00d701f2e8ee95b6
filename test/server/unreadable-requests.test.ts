import t from 'tap'
import { exchange } from '../support/raw.ts'
import { testServer } from '../support/server.ts'

const server = await testServer(t)

const PROTOCOL = '/realms/acme/protocol/openid-connect'

const ADDRESSES = [
  '/',
  '/health/live',
  '/health/ready',
  '/metrics',
  `${PROTOCOL}/token`,
  `${PROTOCOL}/token/introspect`,
  `${PROTOCOL}/revoke`,
  `${PROTOCOL}/certs`,
  '/realms/acme/.well-known/openid-configuration',
  '/leaked-secrets',
  '/nothing',
  '/admin/realms',
  '/admin/nothing',
  '/admin/openapi.json',
  '/portal',
  '/portal/acme/sign-in',
]

const head = (method: string, url: string) =>
  `${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4)

function isDesigned(t: Tap, url: string, { status, text }: { status: number; text: string }, wanted: number) {
  t.equal(status, wanted, url)
  t.match(text, /cache-control: no-store/i)
  if (url.startsWith('/admin')) {
    t.match(text, /application\/problem\+json/)
    t.match(JSON.parse(bodyOf(text)), { type: /^urn:mintmark:problem:[a-z-]+$/, status: wanted, detail: /./ })
  } else if (url.startsWith('/portal')) {
    t.match(text, /<title>/)
    t.match(text, /content-security-policy: default-src 'none'/i)
    t.match(text, /x-frame-options: DENY/i)
  } else t.match(JSON.parse(bodyOf(text)), { error: 'invalid_request', error_description: /\.$/ })
}

type Tap = typeof t

t.test('a method that no address supports is 501 everywhere', async (t) => {
  for (const method of ['PROPFIND', 'LINK', 'M-SEARCH', 'PURGE', 'REPORT'])
    for (const url of ADDRESSES) isDesigned(t as Tap, url, await exchange(server.app, head(method, url)), 501)
})

t.test('a word that is no method at all is 501, and CONNECT is not left without an answer', async (t) => {
  for (const method of ['FOO', 'get']) {
    for (const url of ['/', `${PROTOCOL}/token`, '/admin/realms'])
      isDesigned(t as Tap, url, await exchange(server.app, head(method, url)), 501)
  }
  isDesigned(t as Tap, '', await exchange(server.app, head('CONNECT', 'x:443')), 501)
})

t.test('an early refusal of the portal has the same security headers as a page', async (t) => {
  const headers = ['Host: a b', 'Host: x\r\nHost: y', 'Host: x\r\nAuthorization: a\r\nAuthorization: b']
  for (const some of headers) {
    const request = `GET /portal/acme/sign-in HTTP/1.1\r\n${some}\r\nConnection: close\r\n\r\n`
    isDesigned(t as Tap, '/portal', await exchange(server.app, request), 400)
  }
})

t.test('a request that is not HTTP is refused in the format of its front door', async (t) => {
  const broken: Record<string, [text: string, status: number]> = {
    'a header without a colon': ['GET /health/live HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n', 400],
    'no Host': ['GET /health/live HTTP/1.1\r\nfoo : bar\r\n\r\n', 400],
    'two lengths': [
      'POST /admin/realms HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
    'length and chunks': [
      `POST ${PROTOCOL}/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
    ],
    'the next version': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    'another protocol': ['\x16\x03\x01\x02\x00\x01\x00\x01', 400],
    'headers without end': [`GET / HTTP/1.1\r\nHost: x\r\na: ${'b'.repeat(40_000)}\r\n\r\n`, 431],
  }
  for (const [what, [text, status]] of Object.entries(broken)) {
    const url = text.split(' ')[1] ?? ''
    await t.test(what, async (t) => isDesigned(t as Tap, url, await exchange(server.app, text), status))
  }
})

t.test('the start page supports GET alone', async (t) => {
  for (const method of ['POST', 'DELETE', 'TRACE'] as const) {
    const answer = await server.app.inject({ method: method as 'POST', url: '/' })
    t.equal(answer.statusCode, 405)
    t.equal(answer.headers['allow'], 'GET, HEAD, OPTIONS')
  }
})
