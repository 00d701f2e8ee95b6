import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { type AdminAnswer, type Ask, adminToken, asking } from '../support/admin.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const soon = () => new Date(Date.now() + 3_600_000).toISOString()

const FOREIGN_JWKS = {
  keys: [{ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid: 'old', alg: 'EdDSA' }],
}

interface Row {
  /** Who may. */
  readonly role: 'account-admin' | 'platform-admin'
  /** What the one who may is answered. */
  readonly status: number
  readonly body?: (n: number, place: Place) => unknown
  readonly headers?: Record<string, string>
  readonly query?: (realm: string) => string
  /** What is there before. */
  readonly prepare?: (server: TestServer, place: Place) => Promise<Partial<Place>>
}

/** What the names in a path stand for. */
interface Place {
  readonly realm: string
  readonly client_id: string
  readonly [name: string]: string
}

const DEVICE = { type: 'device', id: 'd1' }

async function withDevice({ operations }: TestServer, { realm }: Place): Promise<typeof DEVICE> {
  await operations.resources.put(TESTER, realm, DEVICE)
  return DEVICE
}

async function withKey({ operations }: TestServer, { realm, client_id }: Place) {
  const { key } = await operations.clientKeys.add(TESTER, realm, client_id, { pem: testKeyPair().pem })
  return { kid: key.kid }
}

const ISSUER = { issuer: 'https://platform.example', keys: { source: 'discovery' } }
const RULES = [{ claim: 'sub', equals: 'a' }]

async function withIssuer({ operations }: TestServer, { realm }: Place) {
  const { issuer } = await operations.trustedIssuers.create(TESTER, realm, ISSUER)
  return { id: issuer.id }
}

async function withIdentity(server: TestServer, place: Place) {
  const asked = { trustedIssuer: (await withIssuer(server, place)).id, rules: RULES }
  const { realm, client_id } = place
  const made = await server.operations.workloadIdentities.create(TESTER, realm, client_id, asked)
  return { id: made.identity.id }
}

const WEBHOOK = { url: 'https://hooks.example/a', events: ['secret.leaked'] } as const

async function withSession({ operations: { portal } }: TestServer, { realm }: Place) {
  const { url } = await portal.createLink(TESTER, realm)
  await portal.signInWithLink(realm, url.split('#')[1] as string, '192.0.2.1')
  return { id: (await portal.listSessions(TESTER, realm))[0]?.id ?? '' }
}

async function withWebhook({ operations }: TestServer, { realm }: Place) {
  const { id } = await operations.webhooks.create(TESTER, realm, WEBHOOK)
  return { id, delivery: (await operations.webhookDeliveries.test(TESTER, realm, id)).id }
}

/** Every operation of the API's own document has a row here. */
const ROWS: Record<string, Row> = {
  'GET /admin/realms': { role: 'account-admin', status: 200 },
  'POST /admin/realms': { role: 'platform-admin', status: 201, body: (n) => ({ name: `new-${n}` }) },
  'GET /admin/realms/{realm}': { role: 'account-admin', status: 200 },
  'PATCH /admin/realms/{realm}': {
    role: 'account-admin',
    status: 200,
    body: () => ({ token_lifetime_seconds: 60 }),
  },
  'DELETE /admin/realms/{realm}': {
    role: 'platform-admin',
    status: 204,
    query: (realm) => `?confirm=${realm}`,
  },
  'GET /admin/realms/{realm}/service-accounts': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/service-accounts': {
    role: 'account-admin',
    status: 201,
    body: () => ({ name: 'CI deployer' }),
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}': { role: 'account-admin', status: 200 },
  'PATCH /admin/realms/{realm}/service-accounts/{client_id}': {
    role: 'account-admin',
    status: 200,
    body: () => ({ description: 'changed' }),
  },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}': { role: 'account-admin', status: 204 },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/reset-secret': {
    role: 'account-admin',
    status: 200,
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/secrets': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/secrets': { role: 'account-admin', status: 201 },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}/secrets/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: async ({ operations }, { realm, client_id }) => {
      const { secret } = await operations.secrets.startRotation(TESTER, realm, client_id)
      return { id: secret.id }
    },
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/keys': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/keys': {
    role: 'account-admin',
    status: 201,
    body: () => ({ pem: testKeyPair().pem }),
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/keys/{kid}': {
    role: 'account-admin',
    status: 200,
    prepare: withKey,
  },
  'PATCH /admin/realms/{realm}/service-accounts/{client_id}/keys/{kid}': {
    role: 'account-admin',
    status: 200,
    body: () => ({ name: 'x' }),
    prepare: withKey,
  },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}/keys/{kid}': {
    role: 'account-admin',
    status: 204,
    prepare: withKey,
  },
  'GET /admin/realms/{realm}/trusted-issuers': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/trusted-issuers': {
    role: 'account-admin',
    status: 201,
    body: () => ISSUER,
  },
  'POST /admin/realms/{realm}/trusted-issuers/explain': {
    role: 'account-admin',
    status: 200,
    body: () => ({ token: 'x' }),
  },
  'GET /admin/realms/{realm}/trusted-issuers/{id}/refusals': {
    role: 'account-admin',
    status: 200,
    prepare: withIssuer,
  },
  'GET /admin/realms/{realm}/trusted-issuers/{id}': {
    role: 'account-admin',
    status: 200,
    prepare: withIssuer,
  },
  'PATCH /admin/realms/{realm}/trusted-issuers/{id}': {
    role: 'account-admin',
    status: 200,
    body: () => ({ enabled: false }),
    prepare: withIssuer,
  },
  'DELETE /admin/realms/{realm}/trusted-issuers/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: withIssuer,
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/workload-identities': {
    role: 'account-admin',
    status: 200,
  },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/workload-identities': {
    role: 'account-admin',
    status: 201,
    body: (_n, { id }) => ({ trusted_issuer: id, rules: RULES }),
    prepare: withIssuer,
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/workload-identities/{id}': {
    role: 'account-admin',
    status: 200,
    prepare: withIdentity,
  },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}/workload-identities/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: withIdentity,
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/roles': { role: 'account-admin', status: 200 },
  'PUT /admin/realms/{realm}/service-accounts/{client_id}/roles': {
    role: 'account-admin',
    status: 200,
    body: () => ({ items: ['view', 'operate'] }),
  },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/roles': {
    role: 'account-admin',
    status: 200,
    body: () => ({ role: 'operate' }),
  },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}/roles/{role}': {
    role: 'account-admin',
    status: 204,
    prepare: async () => ({ role: 'view' }),
  },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/grants': { role: 'account-admin', status: 200 },
  'PUT /admin/realms/{realm}/service-accounts/{client_id}/grants': {
    role: 'account-admin',
    status: 200,
    body: () => ({ items: [{ role: 'operate', ...DEVICE }] }),
    prepare: withDevice,
  },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/grants': {
    role: 'account-admin',
    status: 201,
    body: () => ({ role: 'operate', ...DEVICE }),
    prepare: withDevice,
  },
  'DELETE /admin/realms/{realm}/service-accounts/{client_id}/grants/{role}/{type}/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: async (server, place) => {
      await withDevice(server, place)
      const grant = { role: 'operate', ...DEVICE }
      await server.operations.grants.add(TESTER, place.realm, place.client_id, grant)
      return grant
    },
  },
  'GET /admin/realms/{realm}/resources': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/resources': {
    role: 'account-admin',
    status: 200,
    body: () => JSON.stringify(DEVICE),
    headers: { 'content-type': 'application/x-ndjson' },
  },
  'POST /admin/realms/{realm}/service-accounts/import': {
    role: 'account-admin',
    status: 200,
    body: () => JSON.stringify({ client_id: 'imported', name: 'imported' }),
    headers: { 'content-type': 'application/x-ndjson' },
  },
  'GET /admin/realms/{realm}/resources/{type}/{id}': {
    role: 'account-admin',
    status: 200,
    prepare: withDevice,
  },
  'PUT /admin/realms/{realm}/resources/{type}/{id}': {
    role: 'account-admin',
    status: 201,
    body: () => ({ name: 'Boiler' }),
    prepare: async () => DEVICE,
  },
  'DELETE /admin/realms/{realm}/resources/{type}/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: withDevice,
  },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/preview-token': {
    role: 'account-admin',
    status: 200,
  },
  'POST /admin/realms/{realm}/service-accounts/{client_id}/revoke-tokens': {
    role: 'account-admin',
    status: 200,
  },
  'GET /admin/realms/{realm}/keys': { role: 'account-admin', status: 200 },
  'GET /admin/realms/{realm}/foreign-keys': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/foreign-keys': {
    role: 'platform-admin',
    status: 200,
    body: () => ({ jwks: FOREIGN_JWKS, until: soon() }),
  },
  'DELETE /admin/realms/{realm}/foreign-keys/{kid}': {
    role: 'account-admin',
    status: 204,
    prepare: async ({ operations, clock }, { realm }) => {
      const until = new Date(clock.now.getTime() + 3_600_000)
      await operations.foreignKeys.publish(TESTER, realm, { jwks: FOREIGN_JWKS, until })
      return { kid: 'old' }
    },
  },
  'POST /admin/realms/{realm}/keys/rotate': { role: 'account-admin', status: 200 },
  'DELETE /admin/realms/{realm}/keys/{kid}': {
    role: 'account-admin',
    status: 204,
    prepare: async ({ operations }, { realm }) => ({
      kid: (await operations.signingKeys.rotate(TESTER, realm)).kid,
    }),
  },
  'GET /admin/realms/{realm}/activity': { role: 'account-admin', status: 200 },
  'GET /admin/realms/{realm}/service-accounts/{client_id}/activity': { role: 'account-admin', status: 200 },
  'GET /admin/realms/{realm}/shadow': { role: 'account-admin', status: 200 },
  'DELETE /admin/realms/{realm}/shadow': { role: 'account-admin', status: 204 },
  'GET /admin/realms/{realm}/webhooks': { role: 'account-admin', status: 200 },
  'POST /admin/realms/{realm}/webhooks': { role: 'account-admin', status: 201, body: () => WEBHOOK },
  'GET /admin/realms/{realm}/webhooks/{id}': { role: 'account-admin', status: 200, prepare: withWebhook },
  'PATCH /admin/realms/{realm}/webhooks/{id}': {
    role: 'account-admin',
    status: 200,
    body: () => ({ enabled: false }),
    prepare: withWebhook,
  },
  'DELETE /admin/realms/{realm}/webhooks/{id}': { role: 'account-admin', status: 204, prepare: withWebhook },
  'POST /admin/realms/{realm}/webhooks/{id}/test': {
    role: 'account-admin',
    status: 202,
    prepare: withWebhook,
  },
  'GET /admin/realms/{realm}/webhooks/{id}/deliveries': {
    role: 'account-admin',
    status: 200,
    prepare: withWebhook,
  },
  'POST /admin/realms/{realm}/webhooks/{id}/deliveries/{delivery}/redeliver': {
    role: 'account-admin',
    status: 202,
    prepare: withWebhook,
  },
  'POST /admin/realms/{realm}/portal-links': {
    role: 'account-admin',
    status: 200,
    body: () => ({ person: 'Ann', access: 'view' }),
  },
  'GET /admin/realms/{realm}/portal-sessions': { role: 'account-admin', status: 200 },
  'DELETE /admin/realms/{realm}/portal-sessions': { role: 'account-admin', status: 200 },
  'DELETE /admin/realms/{realm}/portal-sessions/{id}': {
    role: 'account-admin',
    status: 204,
    prepare: withSession,
  },
  'GET /admin/policy': { role: 'account-admin', status: 200 },
  'PATCH /admin/policy': {
    role: 'platform-admin',
    status: 200,
    body: () => ({ max_token_lifetime_seconds: 3600 }),
  },
  'GET /admin/realms/{realm}/resources/{type}/{id}/grants': {
    role: 'account-admin',
    status: 200,
    prepare: withDevice,
  },
  'GET /admin/audit-events/export': { role: 'platform-admin', status: 200 },
  'GET /admin/realms/{realm}/audit-events/export': { role: 'account-admin', status: 200 },
  'GET /admin/audit-events': { role: 'platform-admin', status: 200 },
  'GET /admin/realms/{realm}/audit-events': { role: 'account-admin', status: 200 },
}

/** Other paths belong to no realm: their refusals need not hide anything. */
const isOfRealm = (path: string) => path.includes('{realm}')

t.test('every operation of the document has its row', async (t) => {
  const { app } = await testServer(t)
  const { paths } = (await app.inject('/admin/openapi.json')).json() as {
    paths: Record<string, Record<string, unknown>>
  }
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  t.same(documented.sort(), Object.keys(ROWS).sort())
})

t.test('who may use an operation, and who may not', async (t) => {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await server.operations.realms.create(TESTER, 'other', { serviceAccountLimit: 1000 })
  const expired = (await adminToken(server, 'other', ['account-admin'])).token
  server.clock.advance(400)
  const paths = await documentedPaths(server)

  for (const [n, [operation, row]] of Object.entries(ROWS).entries()) {
    const realm = `realm-${n}`
    await server.operations.realms.create(TESTER, realm)
    const { account } = await server.operations.accounts.create(TESTER, realm, { name: 'target' })
    let place: Place = { realm, client_id: account.clientId }
    place = { ...place, ...(await row.prepare?.(server, place)) } as Place
    await t.test(operation, (t) => checkAccess(t, server, { operation, row, place, n, expired, paths }))
  }
})

interface Case {
  readonly operation: string
  readonly row: Row
  readonly place: Place
  readonly n: number
  readonly expired: string
  readonly paths: DocumentedPaths
}

async function checkAccess(t: Test, server: TestServer, asked: Case) {
  const { operation, row, place, n, expired, paths } = asked
  const [method, pattern] = operation.split(' ') as [Parameters<Ask>[0], string]
  const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => place[name] as string)
  const call = (token: string | undefined): Promise<AdminAnswer> =>
    asking(server, token)(method, path + (row.query?.(place.realm) ?? ''), row.body?.(n, place), row.headers)
  const tokenOf = async (realm: string, role: string) => (await adminToken(server, realm, [role])).token

  const none = await call(undefined)
  t.equal(none.status, 401, 'no token')
  t.equal(none.headers['www-authenticate'], 'Bearer realm="admin"', 'and no word of an error')

  const late = await call(expired)
  t.equal(late.status, 401, 'an expired token')
  t.match(late.headers['www-authenticate'], /error="invalid_token"/)

  const viewer = await call(await tokenOf(place.realm, 'view'))
  t.equal(viewer.status, 403, 'role view')
  t.match(viewer.headers['www-authenticate'], /error="insufficient_scope"/)

  const foreign = await call(await tokenOf('other', 'account-admin'))
  if (isOfRealm(pattern)) t.equal(foreign.status, 404, "another realm's administrator")
  else if (row.role === 'platform-admin') t.equal(foreign.status, 403, 'an administrator of one realm')
  if (isOfRealm(pattern) && row.role === 'platform-admin')
    t.equal((await call(await tokenOf(place.realm, 'account-admin'))).status, 403, "the realm's own one")

  const documented = paths[pattern]?.[method.toLowerCase()]
  for (const refused of [none, late, viewer]) {
    t.ok(documented?.responses[refused.status], `${refused.status} is documented`)
    t.match(refused.headers['content-type'], /^application\/problem\+json/)
    t.equal(refused.headers['cache-control'], 'no-store')
    t.match(refused.body, { type: /^urn:mintmark:problem:/, title: String, detail: String })
  }

  const home = row.role === 'platform-admin' ? 'system' : place.realm
  const right = await call(await tokenOf(home, row.role))
  t.equal(right.status, row.status, `role ${row.role}: ${right.text}`)
  t.equal(right.headers['cache-control'], 'no-store')
  const answer = documented?.responses[row.status]
  const names = Object.keys(answer?.headers ?? {})
  // A change may have nothing to show that has a version, and a first request is no repeated one.
  const certain = names.filter(
    (name) => name !== 'Idempotency-Replayed' && (name !== 'ETag' || method === 'GET'),
  )
  for (const name of certain)
    t.ok(right.headers[name.toLowerCase()] !== undefined, `it has the header ${name}`)
  for (const name of ['ETag', 'Location'])
    if (right.headers[name.toLowerCase()] !== undefined) t.ok(names.includes(name), `${name} is documented`)
  const requires = row.role === 'platform-admin' ? /Requires platform-admin\.$/ : /Requires account-admin/
  t.match(documented?.description, requires, 'the document says who may')
}

interface Answer {
  readonly headers?: object
}

type DocumentedPaths = Record<
  string,
  Record<string, { description: string; responses: Record<string, Answer> }>
>

async function documentedPaths({ app }: TestServer): Promise<DocumentedPaths> {
  return (await app.inject('/admin/openapi.json')).json().paths
}

t.test('an administrator of the platform administers every realm', async (t) => {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'system', ['platform-admin'])
  const ask = asking(server, token)
  t.equal((await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })).status, 201)
  t.same(
    (await ask('GET', '/admin/realms')).body.items.map(({ name }: { name: string }) => name),
    ['acme', 'system'],
  )
})

t.test('an administrator who is disabled, demoted or deleted is out at once', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const status = async () => (await asking(server, token)('GET', '/admin/realms/acme')).status
  const update = (change: object) => server.operations.accounts.update(TESTER, 'acme', clientId, change)
  t.equal(await status(), 200)
  await update({ roles: ['view'] })
  t.equal(await status(), 403)
  await update({ roles: ['account-admin'] })
  t.equal(await status(), 200)
  await update({ enabled: false })
  t.equal(await status(), 401)
  await update({ enabled: true })
  await server.operations.accounts.delete(TESTER, 'acme', clientId)
  t.equal(await status(), 401)
})

t.test('a token has no more than the roles it was made with', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await adminToken(server, 'acme', ['view'])
  await server.operations.accounts.update(TESTER, 'acme', clientId, { roles: ['account-admin'] })
  t.equal((await asking(server, token)('GET', '/admin/realms/acme')).status, 403)
})

t.test('a token for another audience is refused', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    roles: ['account-admin'],
  })
  const answer = await server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  })
  const refused = await asking(server, answer.json().access_token)('GET', '/admin/realms/acme')
  t.equal(refused.status, 401)
  const advice =
    /^The token is for https:\/\/auth\.test\/realms\/acme\. Ask for one with resource=https:\/\/auth\.test\/admin\.$/
  t.match(refused.body, { type: 'urn:mintmark:problem:invalid-token', detail: advice })
  t.match(
    refused.headers['www-authenticate'],
    /error_description="The token is for .* Ask for one with resource=/,
  )
  t.match(server.log.at(-1), /aud/)
  await server.operations.accounts.delete(TESTER, 'acme', account.clientId)
  const dead = await asking(server, answer.json().access_token)('GET', '/admin/realms/acme')
  t.equal(dead.body.detail, 'The access token is not valid.', 'only the holder of a good token is told')
})

t.test('another authentication scheme counts as no token', async (t) => {
  const server = await testServer(t)
  const ask = (authorization: string) =>
    asking(server, undefined)('GET', '/admin/realms', undefined, { authorization })
  t.match(await ask('Basic cm9vdDpyb290'), { status: 401, body: { type: 'urn:mintmark:problem:no-token' } })
  for (const authorization of ['Bearer', 'Bearer ', 'bearer a b', 'Bearer \u00e9', 'Bearer\ta', 'Bearer a,b'])
    t.match(await ask(authorization), {
      status: 400,
      body: { type: 'urn:mintmark:problem:invalid-request' },
      headers: { 'www-authenticate': /^Bearer realm="admin", error="invalid_request"/ },
    })
})

t.test('every operation is 503 without the database', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  await server.cutDatabase()
  const answer = await asking(server, token)('GET', '/admin/realms/acme')
  t.equal(answer.status, 503)
  t.equal(answer.headers['retry-after'], '1')
})
