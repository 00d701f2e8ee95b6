import t, { type Test } from 'tap'
import { type AdminAnswer, asking, platformAdministrator } from '../support/admin.ts'
import { exchange } from '../support/raw.ts'
import { routesOf } from '../support/routes.ts'
import { TESTER, testServer } from '../support/server.ts'

const ACCOUNTS = '/admin/realms/acme/service-accounts'

async function acme(t: Test, options = {}) {
  const server = await testServer(t, options)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  return { server, ask }
}

function isProblem(t: Test, answer: AdminAnswer, status: number, code: string, more: object = {}): void {
  t.equal(answer.status, status, answer.text)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.match(answer.body, {
    type: `urn:mintmark:problem:${code}`,
    status,
    title: String,
    detail: String,
    ...more,
  })
}

t.test('whatever is wrong with an address below /admin is a problem document', async (t) => {
  const { server, ask } = await acme(t)
  for (const path of ['/admin/%zz', '/admin/realms/%ff', '/admin/%', '/admin/realms/%E0%A4'])
    isProblem(t, await ask('GET', path), 400, 'invalid')
  for (const path of ['/admin', '/admin?x', '/admin/nothing', '/admin/realms/acme/nothing'])
    isProblem(t, await ask('GET', path), 404, 'not-found')
  isProblem(t, await ask('GET', `/admin/realms/${'a'.repeat(300)}`), 404, 'not-found')
  isProblem(t, await asking(server, undefined)('GET', '/admin'), 404, 'not-found')
})

t.test('a method that an address does not know is 405, and OPTIONS says which it knows', async (t) => {
  const { server } = await acme(t)
  const addresses: Record<string, string> = {
    '/admin/openapi.json': 'GET, HEAD',
    '/admin/realms': 'GET, HEAD, POST',
    '/admin/realms/acme/keys/rotate': 'POST',
    '/admin/realms/acme/service-accounts/x/roles': 'GET, HEAD, PUT, POST',
    '/admin/nothing': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    // Another address, with a parameter there, has the methods that these lack.
    '/admin/realms/acme/keys/rotate?x': 'POST',
    [`${ACCOUNTS}/import`]: 'POST',
    '/admin/realms/acme/trusted-issuers/explain': 'POST',
    '/portal/acme/service-accounts': 'GET, HEAD',
    '/portal/acme/service-accounts/create': 'GET, HEAD, POST',
    '/portal/_assets/sign-in': 'GET, HEAD',
    '/portal/_assets/a%2Fb%25': 'GET, HEAD',
  }
  for (const [url, allow] of Object.entries(addresses)) {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'QUERY', 'GET']) {
      if (allow.split(', ').includes(method)) continue
      const answer = await server.app.inject({ method: method as 'GET', url })
      t.equal(answer.statusCode, 405, `${method} ${url}: ${answer.body.slice(0, 200)}`)
      t.equal(answer.headers['allow'], `${allow}, OPTIONS`, url)
      t.match(
        JSON.parse(server.log.at(-1) as string).route,
        /^\/(admin|portal)\/.*(\w|\*)$/,
        'the route is logged',
      )
      if (url.startsWith('/admin')) t.match(answer.headers['content-type'], /problem\+json/)
    }
    if (url === '/admin/nothing') continue
    const options = await server.app.inject({ method: 'OPTIONS', url })
    t.equal(options.statusCode, 204, url)
    t.equal(options.headers['allow'], `${allow}, OPTIONS`)
  }
})

t.test('a refused method takes no route, which would slow each start', async (t) => {
  const { server } = await acme(t)
  const ours = (await routesOf(server)).filter(({ path }) => /^\/(admin|portal)\//.test(path))
  for (const method of ['TRACE', 'QUERY', 'OPTIONS'])
    t.same(
      ours.filter(({ path, methods }) => methods.includes(method) && path !== '/admin/nothing'),
      [],
      method,
    )
})

t.test('a parameter that a route does not know is refused by name, and nothing is done', async (t) => {
  const { ask } = await acme(t)
  const cases: [string, string, RegExp][] = [
    [`${ACCOUNTS}?unused-since=2026-01-01T00:00:00Z`, 'unused-since', /write unused_since\.$/],
    [`${ACCOUNTS}?Name=x`, 'Name', /write name\.$/],
    [`${ACCOUNTS}?q=x`, 'q', /use cursor, limit, name, search, client_id, state, role, .*unused_since\.$/],
    [`${ACCOUNTS}?enabled=false`, 'enabled', /not a known parameter/],
    [`${ACCOUNTS}?first=0&max=10`, 'first', /not a known parameter/],
    ['/admin/realms/acme/audit-events?since=x', 'since', /not a known parameter/],
    ['/admin/realms/acme?expand=all', 'expand', /there are none here/],
    ['/admin/realms/acme/keys?__proto__=x', '__proto__', /not a known parameter/],
    ['/admin/openapi.json?x=1', 'x', /there are none here/],
  ]
  for (const [path, field, detail] of cases)
    isProblem(t, await ask('GET', path), 400, 'invalid', { field, detail })
  isProblem(t, await ask('POST', `${ACCOUNTS}?dry_run=true`, { name: 'x' }), 400, 'invalid', {
    field: 'dry_run',
  })
  isProblem(t, await ask('DELETE', '/admin/realms/acme?confirm=acme&Confirm=x'), 400, 'invalid')
  isProblem(t, await ask('POST', '/admin/realms/acme/keys/rotate?x=1'), 400, 'invalid')
  t.equal((await ask('GET', '/admin/realms/acme')).body.service_account_count, 0)
})

t.test('a date whose + became a space gets a hint', async (t) => {
  const { ask } = await acme(t)
  const at = '2026-11-28T21:00:00+01:00'
  const lost = await ask('GET', `${ACCOUNTS}?unused_since=${at}`)
  isProblem(t, lost, 400, 'invalid', { field: 'unused_since', detail: /Write a \+ in an address as %2B\.$/ })
  t.equal((await ask('GET', `${ACCOUNTS}?unused_since=${encodeURIComponent(at)}`)).status, 200)
})

t.test('a PATCH in another format is told the accepted one', async (t) => {
  const { ask } = await acme(t)
  const sent = (method: 'PATCH' | 'POST', path: string) =>
    ask(method, path, '<a/>', { 'content-type': 'application/xml' })
  const patch = await sent('PATCH', '/admin/realms/acme')
  isProblem(t, patch, 415, 'unsupported-media-type')
  t.equal(patch.headers['accept-patch'], 'application/json')
  t.equal((await sent('POST', ACCOUNTS)).headers['accept-patch'], undefined)
})

t.test('an audience with a colon is an absolute URI without a fragment', async (t) => {
  const { ask } = await acme(t)
  const set = (audiences: string[]) => ask('PATCH', '/admin/realms/acme', { audiences })
  for (const audience of [
    '1:2',
    ':',
    'a b:c',
    'https://api.test/#x',
    '#x',
    'a#b',
    'https://',
    'x:',
    'https://a/%zz',
    'urn:x%',
  ])
    isProblem(t, await set([audience]), 400, 'invalid', { field: 'audiences' })
  for (const audience of ['api', 'urn:example:api', 'https://api.test/x?y', 'com.example.api', 'a/b'])
    t.equal((await set([audience])).status, 200, audience)
})

t.test('an address with needless slashes is led to the one that it stands for', async (t) => {
  const server = await testServer(t, { publicUrl: 'https://auth.test/base' })
  const cases: Record<string, string> = {
    '/admin/realms/': '/base/admin/realms',
    '//admin//realms?limit=1&x=//': '/base/admin/realms?limit=1&x=//',
    '/admin/realms/acme//': '/base/admin/realms/acme',
    '//admin/openapi.json': '/base/admin/openapi.json',
    '/metrics/': '/base/metrics',
  }
  for (const [url, location] of Object.entries(cases)) {
    const { status, text } = await exchange(
      server.app,
      `DELETE ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    t.equal(status, 308, url)
    t.equal(/^location: (.*)\r$/m.exec(text)?.[1], location)
  }
  const evil = await exchange(
    server.app,
    'GET //evil.example/x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  t.equal(evil.status, 404, 'nowhere else')
  const root = await exchange(server.app, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.not(root.status, 308)
})

t.test('two Authorization headers are refused everywhere, whichever of them is good', async (t) => {
  const { server } = await acme(t, { metricsToken: 'metrics' })
  const protocol = '/realms/acme/protocol/openid-connect'
  const addresses = [
    `POST ${protocol}/token`,
    `POST ${protocol}/token/introspect`,
    `POST ${protocol}/revoke`,
    `GET ${protocol}/certs`,
    'GET /admin/realms',
    'POST /admin/realms',
    'GET /metrics',
    'GET /health/ready',
    'GET /portal/acme/service-accounts',
    'GET /nowhere',
  ]
  const ask = (address: string, headers: string) =>
    exchange(
      server.app,
      `${address} HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    )
  for (const address of addresses) {
    for (const headers of [
      'Authorization: Bearer metrics\r\nAuthorization: Bearer b\r\n',
      'authorization: Bearer a\r\nX: y\r\nAUTHORIZATION: Bearer a\r\n',
      'Content-Type: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n',
    ]) {
      const { status, text } = await ask(address, headers)
      t.equal(status, 400, `${address} ${text}`)
      if (!address.includes('portal')) t.match(text, /invalid[_-]request/, address)
    }
    const both = address.replace(/$/, '?access_token=a')
    t.equal((await ask(both, 'Authorization: Bearer metrics\r\n')).status, 400, both)
  }
  t.match(server.log.join('\n'), /repeated header/)
})
