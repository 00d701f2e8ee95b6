import { mock } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { ALGORITHMS, type RealmSettings } from '../../src/domain/realm.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

const PATH = '/realms/acme/protocol/openid-connect/token'
const FORM = 'application/x-www-form-urlencoded'
const ISSUER = `${PUBLIC_URL}/realms/acme`

interface Acme extends TestServer {
  readonly clientId: string
  readonly clientSecret: string
  /** Asks with the client's credentials; `undefined` leaves a parameter out. */
  ask(form?: Record<string, string | undefined>): ReturnType<typeof post>
}

async function acme(t: Test, settings: Partial<RealmSettings> = {}): Promise<Acme> {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  const { clientId } = account
  return {
    ...server,
    clientId,
    clientSecret,
    ask: (form = {}) =>
      post(
        server,
        encode({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: clientSecret,
          ...form,
        }),
      ),
  }
}

function encode(form: Record<string, string | undefined>): string {
  const sent = Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return new URLSearchParams(sent).toString()
}

function post(
  { app }: TestServer,
  payload: string | Buffer,
  headers: Record<string, string> = {},
  url = PATH,
) {
  return app.inject({ method: 'POST', url, headers: { 'content-type': FORM, ...headers }, payload })
}

function basic(clientId: string, clientSecret: string): Record<string, string> {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

type Answer = Awaited<ReturnType<typeof post>>

function refuses(t: Test, answer: Answer, status: number, error: string, description?: string): void {
  t.equal(answer.statusCode, status)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['pragma'], 'no-cache')
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const body = answer.json()
  t.equal(body.error, error)
  if (description !== undefined) t.equal(body.error_description, description)
  // RFC 6749 section 5.2: %x20-21 / %x23-5B / %x5D-7E
  t.match(body.error_description, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  t.same(Object.keys(body), ['error', 'error_description'])
}

t.test('a client gets a token that the published keys verify and caches must not keep', async (t) => {
  const { app, clock, clientId, ask } = await acme(t)
  const answer = await ask()
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['pragma'], 'no-cache')
  const { access_token: token, ...rest } = answer.json()
  t.same(rest, {
    token_type: 'Bearer',
    expires_in: 300,
    refresh_expires_in: 0,
    'not-before-policy': 0,
    scope: 'view',
  })
  const keys = createLocalJWKSet((await app.inject('/realms/acme/protocol/openid-connect/certs')).json())
  const { payload, protectedHeader } = await jwtVerify(token, keys, { currentDate: clock.now })
  const iat = Math.floor(clock.now.getTime() / 1000)
  t.match(protectedHeader, { alg: 'ES256', typ: 'at+jwt', kid: /^[\w-]{43}$/ })
  t.match(payload, {
    iss: ISSUER,
    sub: clientId,
    azp: clientId,
    client_id: clientId,
    aud: ISSUER,
    scope: 'view',
    roles: ['view'],
    iat,
    exp: iat + 300,
    jti: /^[\w-]{20,}$/,
  })
  t.notOk('nbf' in payload)
})

t.test('each token has its own jti', async (t) => {
  const { ask } = await acme(t)
  const tokens = await Promise.all(Array.from({ length: 50 }, async () => (await ask()).json().access_token))
  const ids = tokens.map((token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).jti)
  t.equal(new Set(ids).size, 50)
})

for (const algorithm of ALGORITHMS) {
  t.test(`a realm may sign with ${algorithm}`, async (t) => {
    const { app, ask, clock } = await acme(t, { algorithm })
    const keys = createLocalJWKSet((await app.inject('/realms/acme/protocol/openid-connect/certs')).json())
    const { protectedHeader } = await jwtVerify((await ask()).json().access_token, keys, {
      currentDate: clock.now,
    })
    t.equal(protectedHeader.alg, algorithm)
  })
}

t.test('the lifetime is the realm’s', async (t) => {
  const { ask } = await acme(t, { tokenLifetimeSeconds: 30 })
  t.equal((await ask()).json().expires_in, 30)
})

t.test('both halves of Basic credentials are form-decoded', async (t) => {
  const server = await acme(t)
  const clientId = 'a~b.c'
  const clientSecret = 'p:ss w+rd%25 ü€'
  await server.operations.accounts.create(TESTER, 'acme', {
    name: 'imported',
    imported: { clientId, clientSecret },
  })
  const form = 'grant_type=client_credentials'
  t.equal((await post(server, form, basic(clientId, clientSecret))).statusCode, 200)
  const plus = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret).replaceAll('%20', '+')}`)
  t.equal((await post(server, form, { authorization: `basic ${plus.toString('base64')}` })).statusCode, 200)
  t.equal(
    (await post(server, `${form}&client_id=${clientId}`, basic(clientId, clientSecret))).statusCode,
    200,
  )
})

t.test('parameters without a value count as absent, unknown ones and the query are ignored', async (t) => {
  const server = await acme(t)
  const { ask, clientId, clientSecret } = server
  t.equal((await ask({ scope: '', audience: '', color: 'red' })).statusCode, 200)
  const query = encode({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
  refuses(t, await post(server, '', {}, `${PATH}?${query}`), 400, 'invalid_request', 'grant_type is missing.')
  refuses(
    t,
    await post(server, 'grant_type=client_credentials', {}, `${PATH}?${query}`),
    401,
    'invalid_client',
  )
})

t.test('a form may name its charset', async (t) => {
  const server = await acme(t)
  const { clientId, clientSecret } = server
  const form = encode({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
  const headers = { 'content-type': `${FORM}; charset=UTF-8` }
  t.equal((await post(server, form, headers)).statusCode, 200)
})

t.test('a client gets the requested scope, and all its scopes without a request', async (t) => {
  const server = await acme(t, { scopes: ['view', 'deploy', 'admin'] })
  const { operations, clientId, ask } = server
  t.equal((await ask()).json().scope, 'view deploy admin')
  t.equal((await ask({ scope: 'deploy view deploy' })).json().scope, 'deploy view')
  await operations.accounts.update(TESTER, 'acme', clientId, { scopes: ['view', 'deploy'] })
  t.equal((await ask()).json().scope, 'view deploy')
  const description = 'The client may not have that scope.'
  refuses(t, await ask({ scope: 'view admin' }), 400, 'invalid_scope', description)
  await operations.realms.update(TESTER, 'acme', { scopes: ['view'] })
  t.equal((await ask()).json().scope, 'view', 'a scope that the realm dropped is in no token')
  for (const scope of ['view  view', ' view', 'view ', ' '])
    refuses(
      t,
      await ask({ scope }),
      400,
      'invalid_scope',
      'The scope has an extra space: write one between two scopes.',
    )
  for (const scope of ['vi"ew', 'vi\\ew', 'vüew', 'view\tview', 'view\n'])
    refuses(t, await ask({ scope }), 400, 'invalid_scope', 'The scope is malformed.')
})

t.test('a token is for the requested resources, which the realm must allow', async (t) => {
  const server = await acme(t, { audiences: ['https://api.test', 'https://other.test/v1', 'legacy-api'] })
  const { ask, clientId, clientSecret } = server
  const audience = async (answer: Answer) =>
    JSON.parse(Buffer.from(answer.json().access_token.split('.')[1], 'base64url').toString()).aud
  t.equal(await audience(await ask()), 'https://api.test')
  t.equal(await audience(await ask({ resource: 'https://other.test/v1' })), 'https://other.test/v1')
  t.equal(await audience(await ask({ audience: 'legacy-api' })), 'legacy-api')
  t.equal(await audience(await ask({ resource: `${PUBLIC_URL}/admin` })), `${PUBLIC_URL}/admin`)
  const form = encode({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
  const two = '&resource=https%3A%2F%2Fapi.test&resource=https%3A%2F%2Fother.test%2Fv1'
  t.same(await audience(await post(server, form + two)), ['https://api.test', 'https://other.test/v1'])

  const unknown = 'The realm does not know that resource.'
  for (const resource of ['https://evil.test', 'https://api.test/', 'HTTPS://API.TEST'])
    refuses(t, await ask({ resource }), 400, 'invalid_target', unknown)
  refuses(t, await ask({ audience: 'nothing' }), 400, 'invalid_target', unknown)
  const malformed = 'A resource must be an absolute URI without a fragment.'
  for (const resource of ['legacy-api', '/path', 'https://api.test#x', 'https:', 'https://a b'])
    refuses(t, await ask({ resource }), 400, 'invalid_target', malformed)
})

t.test('unknown client, wrong secret, disabled and deleted client get the same bytes', async (t) => {
  const server = await acme(t)
  const { operations, ask, clientId } = server
  const other = await operations.accounts.create(TESTER, 'acme', { name: 'other' })
  const answers = [
    await ask({ client_id: 'sa_000000000000000000000000000000' }),
    await ask({ client_secret: other.clientSecret }),
    await ask({ client_secret: 'guess' }),
    await ask({ client_secret: `${other.clientSecret.slice(0, -1)}_` }),
  ]
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  answers.push(await ask())
  await operations.accounts.delete(TESTER, 'acme', clientId)
  answers.push(await ask())
  for (const answer of answers) {
    refuses(t, answer, 401, 'invalid_client', 'Client authentication failed.')
    t.equal(answer.headers['www-authenticate'], 'Basic realm="acme", charset="UTF-8"')
    t.equal(answer.body, answers[0]?.body)
  }
  const reasons = server.log
    .filter((line) => line.includes('invalid_client'))
    .map((line) => JSON.parse(line).reason)
  t.same(reasons, [
    'unknown client',
    'wrong secret',
    'wrong secret, and not one that the server made',
    'wrong secret, and not one that the server made',
    'account disabled',
    'unknown client',
  ])
})

t.test('a client without a secret is challenged', async (t) => {
  const server = await acme(t)
  const form = 'grant_type=client_credentials'
  const none = await post(server, form)
  refuses(t, none, 401, 'invalid_client', 'Client authentication is required.')
  t.equal(none.headers['www-authenticate'], 'Basic realm="acme", charset="UTF-8"')
  const bearer = await post(server, form, { authorization: 'Bearer x' })
  refuses(t, bearer, 401, 'invalid_client', 'Client authentication failed.')
})

t.test('an unknown realm is refused with Keycloak’s wording', async (t) => {
  const server = await acme(t)
  const form = encode({ grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' })
  for (const realm of ['nobody', 'ACME', 'a_b', '%00', 'x'.repeat(64), '..%2Facme'])
    for (const payload of [form, 'grant_type=client_credentials', 'grant_type=password', '']) {
      const answer = await post(server, payload, {}, `/realms/${realm}/protocol/openid-connect/token`)
      t.equal(answer.statusCode, 404)
      t.equal(answer.body, '{"error":"Realm does not exist"}')
    }
})

t.test('incomplete, repeated and mixed credentials are refused', async (t) => {
  const server = await acme(t)
  const { clientId, clientSecret, ask } = server
  const form = encode({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret })
  const refused = (answer: Answer, description: string) =>
    refuses(t, answer, 400, 'invalid_request', description)
  refused(await post(server, form, basic(clientId, 'other')), 'Credentials were sent in two ways.')
  refused(
    await post(server, 'grant_type=client_credentials&client_id=other', basic(clientId, clientSecret)),
    'client_id was sent with two different values.',
  )
  const together = 'client_id and client_secret go together.'
  refused(await ask({ client_id: undefined }), together)
  refused(await post(server, 'grant_type=client_credentials', basic('', clientSecret)), together)
  refused(await post(server, `${form}&client_id=${clientId}`), 'A parameter was sent more than once.')
  refused(await post(server, `${form}&scope=view&scope=view`), 'A parameter was sent more than once.')
  refused(await post(server, `${form}&x=1&x=`), 'A parameter was sent more than once.')
  for (const authorization of [
    'Basic',
    'Basic ',
    'Basic !!!',
    'Basic bm9jb2xvbg==',
    'Basic /v86/v8=',
    `Basic ${Buffer.from('%zz:x').toString('base64')}`,
  ])
    t.match((await post(server, 'grant_type=client_credentials', { authorization })).json(), {
      error: 'invalid_request',
    })
})

t.test('the grant is client_credentials', async (t) => {
  const { ask } = await acme(t)
  refuses(t, await ask({ grant_type: undefined }), 400, 'invalid_request', 'grant_type is missing.')
  const description =
    'The grant types are client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer and urn:ietf:params:oauth:grant-type:token-exchange.'
  for (const grant of ['password', 'authorization_code', 'CLIENT_CREDENTIALS', 'client_credentials '])
    refuses(t, await ask({ grant_type: grant }), 400, 'unsupported_grant_type', description)
})

t.test('a body that is not a form is refused', async (t) => {
  const server = await acme(t)
  const wanted = 'Send application/x-www-form-urlencoded.'
  for (const type of [
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'x',
    FORM.slice(0, -1),
  ])
    refuses(
      t,
      await post(server, '{"grant_type":"x"}', { 'content-type': type }),
      400,
      'invalid_request',
      wanted,
    )
  const without = await server.app.inject({ method: 'POST', url: PATH })
  refuses(t, without, 400, 'invalid_request', 'grant_type is missing.')
})

t.test('invalid UTF-8 and NUL are refused', async (t) => {
  const server = await acme(t)
  const encoding = 'The percent-encoding is malformed.'
  const characters = 'The request has characters that are not allowed.'
  for (const [payload, description] of [
    ['grant_type=%', encoding],
    ['grant_type=%zz', encoding],
    ['%ff=x', encoding],
    ['grant_type=%C0%AF', encoding],
    ['grant_type=%ED%A0%80', encoding],
    ['grant_type=a%00b', characters],
    ['a%00b=x', characters],
    [Buffer.from([0x61, 0x3d, 0xff, 0xfe]), characters],
    [Buffer.from('grant_type=\0'), characters],
  ] as const)
    refuses(t, await post(server, payload), 400, 'invalid_request', description)
})

t.test('a body over 18 KiB is refused unread', async (t) => {
  const server = await acme(t)
  const fits = 'x'.repeat(18 * 1024)
  t.equal((await post(server, fits)).statusCode, 400)
  refuses(t, await post(server, `${fits}x`), 413, 'invalid_request', 'The request is too large.')
})

t.test('a body that contradicts its Content-Length is refused', async (t) => {
  const server = await acme(t)
  const answer = await post(server, 'grant_type=client_credentials', { 'content-length': '5' })
  refuses(t, answer, 400, 'invalid_request', 'The request is malformed.')
})

t.test('every method except POST is 405, and OPTIONS says so', async (t) => {
  const { app } = await acme(t)
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY']) {
    const answer = await app.inject({ method: method as 'GET', url: PATH })
    refuses(t, answer, 405, 'invalid_request', 'Use POST.')
    t.equal(answer.headers['allow'], 'POST, OPTIONS')
  }
  const options = await app.inject({ method: 'OPTIONS', url: PATH })
  t.equal(options.statusCode, 204)
  t.equal(options.headers['allow'], 'POST, OPTIONS')
  t.equal((await app.inject({ method: 'HEAD', url: PATH })).statusCode, 405)
})

t.test('no address causes a fault', async (t) => {
  const { app } = await acme(t)
  for (const url of [
    '/%',
    '/realms/%zz/protocol/openid-connect/token',
    '/realms//',
    '/realms/%FF',
    '/..%2f..%2f',
    '/%00',
  ])
    for (const method of ['GET', 'POST'] as const) {
      const { statusCode } = await app.inject({ method, url })
      t.ok(statusCode >= 400 && statusCode < 500, `${method} ${url}: ${statusCode}`)
    }
})

t.test('an address that cannot be read is refused without being repeated', async (t) => {
  const { app, log } = await acme(t)
  const malformed = 'The address is malformed.'
  for (const [url, status, description] of [
    ['/%', 400, malformed],
    [PATH.replace('acme', '%zz'), 400, malformed],
    [PATH.replace('acme', 'x'.repeat(300)), 414, 'The address is too long.'],
  ] as const)
    for (const method of ['GET', 'POST'] as const) {
      log.length = 0
      const answer = await app.inject({ method, url })
      t.equal(answer.statusCode, status)
      t.equal(answer.headers['cache-control'], 'no-store')
      t.same(answer.json(), { error: 'invalid_request', error_description: description })
      t.match(
        log.map((line) => JSON.parse(line)),
        [{ method, status, outcome: 'invalid_request', reason: /^FST_ERR_/, msg: 'request' }],
      )
    }
})

t.test('the server answers 503 at once without its database, and serves again once it is back', async (t) => {
  const server = await acme(t)
  t.equal((await server.ask()).statusCode, 200)
  const restore = await server.cutDatabase()
  // At once: the answer waits for no timer.
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const answer = await server.ask()
  mock.timers.reset()
  refuses(t, answer, 503, 'temporarily_unavailable', 'Try again shortly.')
  t.equal(answer.headers['retry-after'], '1')
  for (const url of ['certs', '../../.well-known/openid-configuration'])
    t.equal((await server.app.inject(new URL(url, `http://x${PATH}`).pathname)).statusCode, 200)
  t.equal((await server.app.inject('/health/live')).statusCode, 200)
  t.equal((await server.app.inject('/health/ready')).statusCode, 503)
  await restore()
  t.equal((await server.ask()).statusCode, 200)
  t.equal((await server.app.inject('/health/ready')).statusCode, 200)
})

t.test('a reset is in force for every request that arrives after its answer', async (t) => {
  const { operations, clientId, clientSecret, ask } = await acme(t)
  let old = clientSecret
  for (let i = 0; i < 20; i++) {
    const reset = await operations.secrets.reset(TESTER, 'acme', clientId)
    const [before, after] = await Promise.all([
      ask({ client_secret: old }),
      ask({ client_secret: reset.clientSecret }),
    ])
    t.not(before.statusCode, 200)
    t.equal(after.statusCode, 200)
    old = reset.clientSecret
  }
})
