import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { readDemand } from '../../packages/verifier/src/guard/demand.ts'
import type { Route } from '../../packages/verifier/src/guard/routes.ts'
import { createGuard } from '../../packages/verifier/src/guard/server.ts'
import { createVerifier, type VerifierOptions } from '../../packages/verifier/src/index.ts'
import { Issuer } from '../verifier/issuer.ts'

async function guarded(
  t: Test,
  { routes, ...options }: Partial<VerifierOptions> & { routes?: Route[] } = {},
) {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    now: issuer.now,
    rememberTokens: 100,
    ...options,
  })
  const lines: string[] = []
  const server = createGuard({ verifier, routes, log: (message) => lines.push(message) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const check = (query: string, token?: string, init: RequestInit = {}) =>
    fetch(`${url}/check${query}`, {
      ...init,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    })
  return { issuer, url, port, lines, check, server }
}

t.test('a good token passes, and the API is told whose it is', async (t) => {
  const { issuer, check } = await guarded(t)
  const token = await issuer.token()
  for (const method of ['GET', 'POST', 'DELETE']) {
    const answer = await check('/devices/1', token, { method })
    t.equal(answer.status, 200)
    t.match(Object.fromEntries(answer.headers), {
      'x-auth-issuer': issuer.url,
      'x-auth-client-id': 'sa-1',
      'x-auth-scope': 'devices:read devices:write',
      'x-auth-roles': 'view',
      'x-auth-expires': String(issuer.seconds + 300),
      'x-auth-grants': '[{"type":"device_group","identifier":"eu-edge","privileges":["operate"]}]',
    })
  }
})

t.test('a bad token is refused with the challenge of RFC 6750', async (t) => {
  const { issuer, check } = await guarded(t)
  const none = await check('')
  t.equal(none.status, 401)
  t.equal(none.headers.get('www-authenticate'), 'Bearer realm="api"')
  const expired = await check(
    '',
    await issuer.token({ iat: issuer.seconds - 900, exp: issuer.seconds - 600 }),
  )
  t.equal(expired.status, 401)
  t.match(expired.headers.get('www-authenticate'), /error="invalid_token"/)
  t.equal((await check('', 'garbage')).status, 401)
})

t.test('what a route demands is refused where the token does not have it', async (t) => {
  const { issuer, check } = await guarded(t)
  const token = await issuer.token()
  for (const [query, status] of [
    ['?scope=devices:read', 200],
    ['?scope=devices:read%20devices:write', 200],
    ['?scope=devices:read&scope=admin', 403],
    ['?role=view', 200],
    ['?role=operate', 403],
    ['?role=operate&type=device&id=d1&group=eu-edge', 200],
    ['?role=operate&type=device&id=d1', 403],
  ] as const)
    t.equal((await check(query, token)).status, status, query)
  const refused = await check('?scope=admin', token)
  t.match(refused.headers.get('www-authenticate'), /error="insufficient_scope".*scope="admin"/)
})

t.test('a demand that the guard does not understand lets nothing pass, and the log says why', async (t) => {
  const { issuer, check, lines } = await guarded(t)
  const token = await issuer.token()
  for (const query of [
    '?scop=x',
    '?type=device',
    '?type=device&id=d1',
    '?group=x',
    '?role=a&role=b',
    '?check=maybe',
  ])
    t.equal((await check(query, token)).status, 403, query)
  t.match(lines, ['a check was refused: look at the configuration of the proxy'])
})

t.test(
  'with routes the path alone decides, and a path that can be read in two ways passes nowhere',
  async (t) => {
    const demand = (query: string) => readDemand(new URLSearchParams(query))
    const routes = [
      { path: '/', demand: demand('scope=devices:read') },
      { path: '/admin', demand: demand('scope=admin') },
      { path: '/admin/help', demand: demand('') },
    ]
    const { issuer, check, port } = await guarded(t, { routes })
    const token = await issuer.token()
    for (const [path, status] of [
      ['', 200],
      ['/devices?scope=admin', 200],
      ['/admin', 403],
      ['/admin/x', 403],
      ['/administrators', 200],
      ['/admin/help', 200],
      ['/%61dmin', 403],
      ['/x%2f..%2fadmin', 403],
      ['/x%5cadmin', 403],
      ['//admin', 403],
      ['/%2561dmin', 403],
      ['/%ff', 403],
      ['/devices;a=b', 403],
    ] as const)
      t.equal((await check(path, token)).status, status, path)
    // fetch would resolve the dots itself.
    t.match(await raw(port, '/check/devices/../admin', token), /^HTTP\/1\.1 403/)
    t.match(await raw(port, '/check/devices/%2e%2e/admin', token), /^HTTP\/1\.1 403/)
  },
)

t.test('a path that no route covers passes nowhere', async (t) => {
  const routes = [{ path: '/devices', demand: readDemand(new URLSearchParams()) }]
  const { issuer, check } = await guarded(t, { routes })
  const token = await issuer.token()
  t.equal((await check('/devices', token)).status, 200)
  t.equal((await check('/other', token)).status, 403)
})

t.test('a revoked token is refused when the list is stale, one that is remembered too', async (t) => {
  const { issuer, check } = await guarded(t)
  const token = await issuer.token()
  t.equal((await check('', token)).status, 200)
  issuer.revoked.set(7, 1)
  issuer.time += 10_000
  t.equal((await check('', token)).status, 401)
})

t.test('a remembered token ends with its time and with its key', async (t) => {
  const { issuer, check } = await guarded(t)
  const token = await issuer.token()
  t.equal((await check('', token)).status, 200)
  issuer.time += 306_000
  t.equal((await check('', token)).status, 401, 'expired')

  const another = await issuer.token()
  t.equal((await check('', another)).status, 200)
  const { keys } = issuer
  issuer.keys = []
  issuer.time += 61_000
  t.equal((await check('', another)).status, 401, 'withdrawn')
  issuer.keys = keys
})

t.test('without keys or list the answer is 503 and says when to come again', async (t) => {
  const { issuer, check, url, lines } = await guarded(t)
  const token = await issuer.token()
  await issuer.stop()
  const answer = await check('', token)
  t.equal(answer.status, 503)
  t.equal(answer.headers.get('retry-after'), '1')
  t.equal((await fetch(`${url}/ready`)).status, 503)
  t.match(lines, ['a check could not be made'])
  await issuer.resume()
  issuer.time += 1_000
  t.equal((await fetch(`${url}/ready`)).status, 200)
  t.equal((await check('', token)).status, 200)
})

t.test('grants that are long are left out, and the API is told so', async (t) => {
  const { issuer, check } = await guarded(t)
  const details = Array.from({ length: 80 }, (_, n) => ({
    type: 'device',
    identifier: `d-${n}-ä`,
    privileges: ['operate'],
  }))
  const { headers } = await check('', await issuer.token({ authorization_details: details }))
  t.equal(headers.get('x-auth-grants'), null)
  t.equal(headers.get('x-auth-grants-omitted'), 'true')
  const few = await check('', await issuer.token({ authorization_details: details.slice(0, 2) }))
  t.same(JSON.parse(few.headers.get('x-auth-grants') as string), details.slice(0, 2))
})

t.test('a name of the token stays one name in a header, whatever it holds', async (t) => {
  const { issuer, check } = await guarded(t)
  const odd = await issuer.token({
    client_id: ' sa-\u{1f511}\r\nX-Auth-Roles: admin\ud800',
    roles: ['view admin', 'größe'],
    scope: 'a%20b c',
  })
  const { status, headers } = await check('', odd)
  t.equal(status, 200)
  t.equal(headers.get('x-auth-client-id'), '%20sa-%F0%9F%94%91%0D%0AX-Auth-Roles:%20admin%EF%BF%BD')
  t.equal(headers.get('x-auth-roles'), 'view%20admin gr%C3%B6%C3%9Fe')
  t.equal(headers.get('x-auth-scope'), 'a%2520b c')
})

t.test(
  'a remembered token is answered as it was, and what another route demands is still looked at',
  async (t) => {
    const { issuer, check } = await guarded(t)
    const [one, two] = [await issuer.token(), await issuer.token({ client_id: 'sa-2', roles: ['operate'] })]
    for (let i = 0; i < 3; i++) {
      t.equal((await check('?role=view', one)).headers.get('x-auth-client-id'), 'sa-1')
      t.equal((await check('?role=operate', two)).headers.get('x-auth-client-id'), 'sa-2')
      t.equal((await check('?role=operate', one)).status, 403)
      t.equal((await check('?role=operate&type=device&id=d1&group=eu-edge', one)).status, 200)
      t.equal((await check('?role=manage&type=device&id=d1&group=eu-edge', one)).status, 403)
    }
  },
)

t.test('a remembered token asks the issuer where the route says so', async (t) => {
  const introspection = { clientId: 'guard', clientSecret: 'x' }
  const { issuer, check } = await guarded(t, { introspection })
  const token = await issuer.token()
  t.equal((await check('', token)).status, 200)
  t.equal((await check('?check=introspect', token)).status, 401, 'the issuer calls it inactive')
  issuer.introspectionAnswer = { active: true, scope: 'less', roles: [] }
  const answer = await check('?check=introspect', token)
  t.equal(answer.headers.get('x-auth-scope'), 'less')
  t.equal((await check('', token)).headers.get('x-auth-scope'), 'devices:read devices:write')
})

t.test(
  'a remembered token whose list cannot be had is refused, or goes on for as long as is allowed',
  async (t) => {
    for (const seconds of [0, 60]) {
      const allowed = seconds > 0 && ({ acceptForSeconds: seconds } as const)
      const { issuer, check } = await guarded(t, { ...(allowed && { whenStatusUnavailable: allowed }) })
      const token = await issuer.token()
      t.equal((await check('', token)).status, 200)
      await issuer.stop()
      issuer.time += 11_000
      t.equal((await check('', token)).status, seconds > 0 ? 200 : 503)
      issuer.time += 60_000
      t.equal((await check('', token)).status, 503)
    }
  },
)

t.test(
  'a caller that expects more than 100-continue, or sends a body, is answered like any other',
  async (t) => {
    const { issuer, check, port } = await guarded(t)
    const token = await issuer.token()
    t.match(await raw(port, '/check', token, 'Expect: the-unexpected\r\n'), /^HTTP\/1\.1 200/)
    t.match(await raw(port, '/check', token, `Cookie: ${'x'.repeat(60_000)}\r\n`), /^HTTP\/1\.1 200/)
    t.equal((await check('', token, { method: 'POST', body: 'x'.repeat(1_000_000) })).status, 200)
    for (const method of ['HEAD', 'OPTIONS']) {
      t.equal((await check('', token, { method })).status, 200)
      t.equal((await check('', undefined, { method })).status, 401)
    }
  },
)

t.test(
  'the guard stops when its last check is answered, though the proxy keeps its connection',
  async (t) => {
    const { issuer, port, server } = await guarded(t)
    const token = await issuer.token()
    const asked = new Promise<() => void>((resolve) => {
      issuer.intercept = (path, response) => {
        if (path !== 'certs') return false
        resolve(() => response.writeHead(500).end())
        return true
      }
    })
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      get(`http://127.0.0.1:${port}/check`, { agent, headers }, resolve).once('error', reject)
    })
    const answer = await asked
    const stopped = new Promise((resolve) => server.close(resolve))
    answer()
    const { statusCode, headers } = await answered.then((response) => response.resume())
    t.match({ statusCode, headers }, { statusCode: 503, headers: { connection: 'close' } })
    await stopped
  },
)

t.test('two Authorization headers pass nowhere, and are refused as nginx knows it', async (t) => {
  const { issuer, port } = await guarded(t)
  const token = await issuer.token()
  t.match(await raw(port, '/check', token, `Authorization: Bearer ${token}\r\n`), /^HTTP\/1\.1 401/)
})

t.test('the counts of outcomes are there for Prometheus', async (t) => {
  const { issuer, check, url } = await guarded(t)
  await check('', await issuer.token())
  await check('', 'garbage')
  const text = await (await fetch(`${url}/metrics`)).text()
  t.match(text, 'mintmark_guard_checks_total{outcome="accepted"} 1')
  t.match(text, 'mintmark_guard_checks_total{outcome="malformed"} 1')
  t.equal((await fetch(`${url}/other`)).status, 404)
})

function raw(port: number, path: string, token: string, more = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer)).on('error', reject)
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`,
    )
  })
}
