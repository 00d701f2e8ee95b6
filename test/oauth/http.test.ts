import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { weightOf } from '../../src/http/accept.ts'
import { addressReader } from '../../src/http/addresses.ts'
import { acme, basic, post } from '../support/introspection.ts'
import { TESTER, testServer } from '../support/server.ts'

const PROTOCOL = '/realms/acme/protocol/openid-connect'
const DOCUMENTS = [
  `${PROTOCOL}/certs`,
  `${PROTOCOL}/status-lists/0`,
  '/realms/acme/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server/realms/acme',
  '/realms/acme/.well-known/oauth-authorization-server',
]

t.test('a document answers GET and HEAD, and every other method is 405', async (t) => {
  const { server } = await acme(t)
  for (const url of [...DOCUMENTS, '/health/live', '/health/ready', '/metrics']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']) {
      const refused = await server.app.inject({
        method: method as 'POST',
        url,
        payload: '{"a":',
        headers: { 'content-type': 'application/json' },
      })
      t.equal(refused.statusCode, 405, `${method} ${url}`)
      t.equal(refused.headers['allow'], 'GET, HEAD, OPTIONS')
      t.equal(refused.headers['cache-control'], 'no-store')
      t.same(refused.json(), { error: 'invalid_request', error_description: 'Use GET.' })
    }
    const traced = await server.app.inject({ method: 'TRACE' as 'GET', url })
    t.equal(traced.statusCode, 405, `TRACE ${url}`)
    const options = await server.app.inject({ method: 'OPTIONS', url })
    t.equal(options.statusCode, 204, url)
    t.equal(options.body, '')
    t.equal(options.headers['allow'], 'GET, HEAD, OPTIONS')
    const isPublic = DOCUMENTS.includes(url)
    t.equal(options.headers['access-control-allow-origin'], isPublic ? '*' : undefined)
    const [got, head] = [await server.app.inject(url), await server.app.inject({ method: 'HEAD', url })]
    t.equal(head.statusCode, got.statusCode, url)
    t.equal(head.body, '')
  }
})

t.test('doubled and trailing slashes reach the same endpoint', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  for (const url of DOCUMENTS) {
    const plain = await server.app.inject(url)
    t.equal(plain.statusCode, 200)
    for (const other of [
      `${url}/`,
      `${url}/?a=b`,
      url.replace('/realms', '//realms'),
      url.replaceAll('/', '//'),
      `${url}//`,
    ])
      t.equal((await server.app.inject(other)).headers['etag'], plain.headers['etag'], other)
  }
  const form = { token: client.token }
  for (const endpoint of ['token/introspect/', '/token/introspect', 'token//introspect//']) {
    const answer = await post(server, endpoint, form, { authorization: basic(resourceServer) })
    t.match(answer.json(), { active: true }, endpoint)
  }
  const nobodys = await server.app.inject('/realms//protocol/openid-connect/certs')
  t.equal(nobodys.statusCode, 404)
  t.equal((await server.app.inject('/realms/')).statusCode, 404)
})

t.test(
  'an address with needless percent-encoding is redirected, so that what a proxy closes stays closed',
  async (t) => {
    const { server } = await acme(t)
    for (const [url, right] of [
      ['/%61dmin/realms', '/admin/realms'],
      ['/admin/%72ealms?limit=%31', '/admin/realms?limit=%31'],
      ['/%6D%65trics', '/metrics'],
      ['/realms/%61cme/protocol/openid%2Dconnect/token', `${PROTOCOL}/token`],
      ['/portal/%61cme/sign%2din', '/portal/acme/sign-in'],
      ['//%61dmin//realms/', '/admin/realms'],
    ] as const)
      for (const method of ['GET', 'POST'] as const) {
        const answer = await server.app.inject({ method, url })
        t.equal(answer.statusCode, 308, url)
        t.equal(answer.headers['location'], right)
      }
    for (const url of ['/nothing%2f', '/%6eothing'])
      t.equal((await server.app.inject(url)).statusCode, 404, url)
  },
)

t.test('addresses other than those of OAuth, and queries, stay as they are', async (t) => {
  const read = addressReader('https://auth.test')
  for (const url of [
    '/',
    '//',
    '/portal//x/',
    '/admin//realms/',
    '//admin/realms',
    '/health/live/',
    '/realms/a/certs?x=//',
  ])
    t.equal(read({ url }), url)
  t.equal(read({ url: '/realms//a/?x=//' }), '/realms/a?x=//')
  t.equal(read({}), '/')
})

t.test('a weight of nothing is heeded, however it is written', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const signed = 'application/token-introspection+jwt'
  const kindOf = async (accept: string) => {
    const headers = { authorization: basic(resourceServer), accept }
    const { headers: answered } = await post(server, 'token/introspect', { token: client.token }, headers)
    return answered['content-type'] === signed
  }
  const json = [
    `${signed};q=0`,
    `${signed}; Q=0, application/json`,
    `${signed} ; q = 0.000`,
    `${signed};v=1;q=0`,
  ]
  const less = [
    `application/json, ${signed};q=0.5`,
    `${signed};q=high`,
    '*/*',
    '*/*;q=0',
    `a${signed}`,
    `${signed}x`,
  ]
  for (const accept of [...json, ...less]) t.notOk(await kindOf(accept), accept)
  const wanted = [
    signed,
    `${signed.toUpperCase()}`,
    `${signed};q=0.5, */*;q=0`,
    `text/html, ${signed};q=1.000`,
  ]
  for (const accept of [...wanted, `application/json;q=0.4, ${signed};q=0.5`])
    t.ok(await kindOf(accept), accept)
  const encodingOf = async (encoding: string) =>
    (await server.app.inject({ url: `${PROTOCOL}/status-lists/0`, headers: { 'accept-encoding': encoding } }))
      .headers['content-encoding']
  for (const encoding of ['gzip;Q=0', 'gzip ; q=0.0, identity', '*;q=0', 'x-not-gzip', 'identity'])
    t.equal(await encodingOf(encoding), undefined, encoding)
  for (const encoding of ['GZIP', 'br;q=0, gzip;q=0.1']) t.equal(await encodingOf(encoding), 'gzip', encoding)
  t.equal(weightOf(undefined, 'a'), undefined)
  t.equal(weightOf('a;q=0.2, a;q=0.7, b', 'a'), 0.7)
})

t.test('historical status lists are refused with 501', async (t) => {
  const { server } = await acme(t)
  for (const query of ['time=1686925000', 'time=', 'time=x&time=y', 'a=b&time=1']) {
    const answer = await server.app.inject(`${PROTOCOL}/status-lists/0?${query}`)
    t.equal(answer.statusCode, 501, query)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.match(answer.json(), { error: 'invalid_request' })
  }
  t.equal((await server.app.inject(`${PROTOCOL}/status-lists/0?times=1`)).statusCode, 200)
})

t.test('client authentication needs a secret', async (t) => {
  const { server, client } = await acme(t)
  const assertion = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const forms = {
    'client_id alone': { client_id: client.clientId },
    'client_id with an empty secret': { client_id: client.clientId, client_secret: '' },
    'an assertion': { client_assertion_type: assertion, client_assertion: 'a.b.c' },
    'an assertion of another kind': {
      client_id: client.clientId,
      client_assertion_type: 'x',
      client_assertion: 'y',
    },
    'an assertion without its type': { client_id: client.clientId, client_assertion: 'a.b.c' },
  }
  for (const endpoint of ['token', 'token/introspect', 'revoke'])
    for (const [name, form] of Object.entries(forms)) {
      const all = { grant_type: 'client_credentials', token: client.token, ...form }
      const answer = await post(server, endpoint, all)
      t.equal(answer.statusCode, 401, `${endpoint}: ${name}`)
      t.match(answer.json(), { error: 'invalid_client' })
      t.match(answer.headers['www-authenticate'], /^Basic realm="acme"/)
    }
  const noSecret = { authorization: `Basic ${btoa(`${client.clientId}:`)}` }
  t.equal((await post(server, 'token', { grant_type: 'client_credentials' }, noSecret)).statusCode, 401)
})

t.test('equal credentials may come by header and form, different ones are refused', async (t) => {
  const { server, client } = await acme(t)
  const { clientId: client_id, clientSecret: client_secret } = client
  const ask = (form: Record<string, string>) =>
    post(server, 'token', { grant_type: 'client_credentials', ...form }, { authorization: basic(client) })
  t.equal((await ask({ client_id, client_secret })).statusCode, 200)
  t.equal((await ask({ client_secret })).statusCode, 200)
  for (const form of [
    { client_id, client_secret: 'x' },
    { client_id: 'x', client_secret },
    { client_id: 'x' },
  ]) {
    const answer = await ask(form as never)
    t.equal(answer.statusCode, 400)
    t.match(answer.json(), { error: 'invalid_request' })
  }
})

t.test('white space pasted with a secret is named, for known and unknown clients alike', async (t) => {
  const { server, client } = await acme(t)
  const lineBreak = 'Client authentication failed. The client_secret has a line break in it.'
  const around = 'Client authentication failed. The client_secret begins or ends with white space.'
  const cases = [
    [client.clientId, `${client.clientSecret}\n`, lineBreak],
    ['nobody', `${client.clientSecret}\r\n`, lineBreak],
    [client.clientId, ` ${client.clientSecret}`, around],
    ['nobody', `${client.clientSecret}\t`, around],
    [
      `${client.clientId}\n`,
      client.clientSecret,
      'Client authentication failed. The client_id has white space in it.',
    ],
    [client.clientId, 'wrong', 'Client authentication failed.'],
  ] as const
  let host = 0
  for (const [client_id, client_secret, error_description] of cases) {
    const pair = `${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`
    const ask = (form: Record<string, string>, headers = {}) =>
      server.app.inject({
        method: 'POST',
        url: `${PROTOCOL}/token`,
        // From elsewhere each time, so that failures are not limited.
        remoteAddress: `10.0.0.${++host}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        payload: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
      })
    const inForm = await ask({ client_id, client_secret })
    const inHeader = await ask({}, { authorization: `Basic ${btoa(pair)}` })
    for (const answer of [inForm, inHeader]) {
      t.equal(answer.statusCode, 401)
      t.same(answer.json(), { error: 'invalid_client', error_description })
    }
  }
})

t.test('a parameter that is sent twice is refused in the body and ignored in the query', async (t) => {
  const { server, client } = await acme(t)
  const grant = 'grant_type=client_credentials'
  const headers = { authorization: basic(client) }
  t.equal((await post(server, 'token', `${grant}&scope=view&scope=view`, headers)).statusCode, 400)
  t.equal((await post(server, 'token?scope=a&scope=b', grant, headers)).statusCode, 200)
})

t.test('a server that listens answers OPTIONS and odd slashes on the wire too', async (t) => {
  const { server } = await acme(t)
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const ask = (method: string, path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', method, path, agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode))
      })
      sent.on('error', reject).end()
    })
  t.equal(await ask('OPTIONS', DOCUMENTS[0] as string), 204)
  t.equal(await ask('GET', `/${DOCUMENTS[0]}/`), 200)
  t.equal(await ask('HEAD', `${DOCUMENTS[0]}/`), 200)
})

t.test('below a path of PUBLIC_URL the same is served, whether or not a proxy strips it', async (t) => {
  const publicUrl = 'https://corp.test/auth'
  const server = await testServer(t, { publicUrl })
  await server.operations.realms.create(TESTER, 'acme')
  const plain = await server.app.inject('/realms/acme/.well-known/openid-configuration')
  t.equal(plain.json().issuer, `${publicUrl}/realms/acme`)
  for (const url of [
    '/auth/realms/acme/.well-known/openid-configuration',
    '/auth//realms/acme/.well-known/oauth-authorization-server/',
    '/.well-known/oauth-authorization-server/auth/realms/acme',
    '/.well-known/oauth-authorization-server/realms/acme',
  ])
    t.equal((await server.app.inject(url)).body, plain.body, url)
  for (const member of ['jwks_uri', 'authorization_endpoint', 'token_endpoint']) {
    const answer = await server.app.inject(new URL(plain.json()[member]).pathname)
    t.ok([200, 400, 405].includes(answer.statusCode), member)
  }
  for (const url of ['/auth', '/authx/realms/acme/protocol/openid-connect/certs'])
    t.equal((await server.app.inject(url)).statusCode, 404, url)
  t.equal((await server.app.inject('/auth/health/live')).statusCode, 200)
})
