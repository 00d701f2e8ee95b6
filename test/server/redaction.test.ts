import t, { type Test } from 'tap'
import { adminToken, tokenFor } from '../support/admin.ts'
import { adminOf } from '../support/portal.ts'
import { type Route, routesOf } from '../support/routes.ts'
import { TESTER, testServer } from '../support/server.ts'

// What callers send must not come up in the log, wherever they put it.
const MARK = 'MARK-7f3aC9'
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const FORM = 'application/x-www-form-urlencoded'
const FIELDS = [
  ...['grant_type', 'client_id', 'client_secret', 'scope', 'resource', 'audience', 'authorization_details'],
  ...['token', 'token_type_hint', 'code', 'state', 'name', 'description', 'roles', 'scopes', 'secret'],
]
const BASIC = Buffer.from(`${MARK}:${MARK}`).toString('base64')

interface Attempt {
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly payload?: string
}

function attemptsWith(token: string, cookie: string): Attempt[] {
  const form = new URLSearchParams(FIELDS.map((name): [string, string] => [name, MARK])).toString()
  const client = `grant_type=client_credentials&client_id=${MARK}&client_secret=${MARK}`
  const json = JSON.stringify({ ...Object.fromEntries(FIELDS.map((name) => [name, MARK])), [MARK]: [MARK] })
  const authorizations = [`Basic ${BASIC}`, `Bearer ${MARK}`, `Bearer ${token}`, `${MARK} ${MARK}`]
  return [
    { query: `?${form}`, headers: { cookie: `a=${MARK}`, 'user-agent': MARK, referer: MARK, origin: MARK } },
    { headers: { cookie, 'content-type': FORM, 'sec-fetch-site': 'same-origin' }, payload: form },
    { headers: { 'content-type': FORM }, payload: `${client}&${MARK}=%zz${MARK}` },
    { headers: { 'content-type': FORM }, payload: `grant_type=${MARK}` },
    { headers: { 'content-type': `text/${MARK}` }, payload: MARK },
    { headers: { 'content-encoding': MARK, 'content-type': FORM }, payload: MARK },
    ...authorizations.flatMap((authorization): Attempt[] => [
      { query: `?${MARK}=${MARK}`, headers: { authorization } },
      { headers: { authorization, 'content-type': FORM }, payload: 'grant_type=client_credentials' },
      { headers: { authorization, 'content-type': 'application/json' }, payload: json },
      { headers: { authorization, 'content-type': 'application/json' }, payload: `{"name":"${MARK}` },
      { headers: { authorization, 'content-type': 'application/x-ndjson' }, payload: `${json}\n${MARK}` },
      { headers: { authorization, 'content-type': 'application/json' }, payload: `{"${MARK}":"${MARK}"}` },
      { headers: { authorization, 'content-type': 'application/json' }, payload: `{"name":"${MARK}"}` },
    ]),
  ]
}

/** Those that the route has, OPTIONS, and one that it refuses: it refuses all others alike. */
function methodsFor(found: readonly Route[]): ReadonlySet<(typeof METHODS)[number]> {
  const known = METHODS.filter((method) => found.some(({ methods }) => methods.includes(method)))
  const refused = METHODS.filter((method) => !known.includes(method)).slice(0, 1)
  return new Set([...known, 'OPTIONS', ...refused])
}

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  return { ...server, clientId: account.clientId, clientSecret }
}

t.test('nothing that is sent to any route comes up in the log, and nothing makes a fault', async (t) => {
  const server = await acme(t)
  const { app, log } = server
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  const cookie = [...(await adminOf(server, 'acme')).cookies].map(([name, it]) => `${name}=${it}`).join('; ')
  const routes = Map.groupBy(await routesOf(server), ({ path }) => path)
  t.ok(routes.size > 40, `${routes.size} routes`)
  const attempts = attemptsWith(token, cookie)
  for (const [route, found] of routes)
    for (const realm of new Set([route.replace(':realm', 'acme'), route]))
      for (const method of realm === route ? (['GET', 'POST'] as const) : methodsFor(found))
        for (const { query = '', ...attempt } of attempts) {
          // A body of GET is not read.
          if (method === 'GET' && attempt.payload !== undefined) continue
          const url = realm.replaceAll(/:\w+/g, MARK) + query
          const { statusCode } = await app.inject({ method, url, ...attempt })
          if (statusCode >= 500) t.fail(`${method} ${url} ${JSON.stringify(attempt)}: ${statusCode}`)
        }

  const lines = new Set(log)
  t.ok(lines.size > routes.size)
  const [cookieValue = ''] = cookie.split('=').slice(1)
  for (const secret of [MARK, BASIC, token, token.split('.')[2] as string, cookieValue])
    t.same([...lines].filter((line) => line.includes(secret)).slice(0, 3), [])
})

t.test('secrets and tokens that are good do not come up in the log either', async (t) => {
  const server = await acme(t)
  const { app, log, clientId, clientSecret } = server
  const token = await tokenFor(server, 'acme', clientId, clientSecret)
  const headers = { 'content-type': FORM }
  const form = new URLSearchParams({ client_id: clientId, client_secret: clientSecret })
  const path = '/realms/acme/protocol/openid-connect'
  const post = async (url: string, more: Record<string, string>) =>
    (await app.inject({ method: 'POST', url, headers, payload: `${form}&${new URLSearchParams(more)}` }))
      .statusCode
  const grant = { grant_type: 'client_credentials' }
  // In a field that it does not belong to.
  t.equal(await post(`${path}/token`, { ...grant, scope: clientSecret }), 400)
  t.equal(await post(`${path}/token`, { ...grant, resource: `https://user:${clientSecret}@api.test` }), 400)
  t.equal(await post(`${path}/token`, { ...grant, audience: clientSecret }), 400)
  t.equal(await post(`${path}/token`, { grant_type: clientSecret }), 400)
  t.ok((await post(`${path}/token/introspect`, { token })) < 500)
  t.equal(await post(`${path}/revoke`, { token }), 200)
  await app.inject({ url: `/realms/${clientSecret}/protocol/openid-connect/certs` })
  await app.inject({ url: `/${token}/%zz` })
  const all = log.join('')
  t.match(all, clientId)
  for (const secret of [clientSecret, token, token.split('.')[2] as string]) t.notOk(all.includes(secret))
})

t.test('a request leaves one line, which says who was refused and exactly why', async (t) => {
  const { app, log, clientId } = await acme(t)
  log.length = 0
  const answer = await app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token?client_secret=x',
    headers: { 'content-type': FORM },
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=mm_${'x'.repeat(49)}`,
  })
  t.equal(answer.statusCode, 401)
  t.equal(log.length, 1)
  t.match(JSON.parse(log[0] as string), {
    level: 30,
    method: 'POST',
    route: '/realms/:realm/protocol/openid-connect/token',
    status: 401,
    address: '127.0.0.1',
    realm: 'acme',
    client_id: clientId,
    outcome: 'invalid_client',
    reason: /^wrong secret/,
    msg: 'request',
  })
})
