import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Ask, asking, platformAdministrator } from '../support/admin.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

/** What a change is of: the ETag that GET of this shows is the one to base it on; `undefined`: it has none. */
interface Row {
  readonly of: string | undefined
  readonly body?: unknown
  readonly type?: string
  readonly query?: string
  /** It leaves the version as it is. */
  readonly repeats?: true
  /** What it is answered when it goes ahead. */
  readonly status: number
}

const ACCOUNT = '/admin/realms/{realm}/service-accounts/{client_id}'
const RESOURCE = '/admin/realms/{realm}/resources/device/d1'
const GRANT = { role: 'operate', type: 'device', id: 'd1' }

const FOREIGN_JWKS = {
  keys: [{ ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid: 'old', alg: 'EdDSA' }],
}
const FOREIGN_KEYS = '/admin/realms/{realm}/foreign-keys'

const ISSUER = { issuer: 'https://platform.example', keys: { source: 'discovery' } }
const OF_ISSUER = '/admin/realms/{realm}/trusted-issuers/{id}'

const WEBHOOK = { url: 'https://hooks.example/a', events: ['secret.leaked'] } as const
const SESSION = '/admin/realms/{realm}/portal-sessions/{id}'
const OF_WEBHOOK = '/admin/realms/{realm}/webhooks/{id}'

/** Every changing operation of the API's own document has a row here. */
const ROWS: Record<string, Row> = {
  'POST /admin/realms': { of: undefined, body: { name: 'another' }, status: 201 },
  'PATCH /admin/policy': {
    of: '/admin/policy',
    body: { max_token_lifetime_seconds: 600 },
    status: 200,
  },
  'PATCH /admin/realms/{realm}': {
    of: '/admin/realms/{realm}',
    body: { display_name: 'A' },
    status: 200,
  },
  'DELETE /admin/realms/{realm}': { of: '/admin/realms/{realm}', query: '?confirm={realm}', status: 204 },
  'POST /admin/realms/{realm}/service-accounts': { of: undefined, body: { name: 'other' }, status: 201 },
  [`PATCH ${ACCOUNT}`]: { of: ACCOUNT, body: { description: 'x' }, status: 200 },
  [`DELETE ${ACCOUNT}`]: { of: ACCOUNT, status: 204 },
  [`POST ${ACCOUNT}/reset-secret`]: { of: ACCOUNT, status: 200 },
  [`POST ${ACCOUNT}/secrets`]: { of: `${ACCOUNT}/secrets`, status: 201 },
  [`DELETE ${ACCOUNT}/secrets/{id}`]: { of: `${ACCOUNT}/secrets`, status: 204 },
  [`POST ${ACCOUNT}/keys`]: { of: `${ACCOUNT}/keys`, body: { pem: testKeyPair().pem }, status: 201 },
  [`PATCH ${ACCOUNT}/keys/{kid}`]: { of: `${ACCOUNT}/keys/{kid}`, body: { name: 'A' }, status: 200 },
  [`DELETE ${ACCOUNT}/keys/{kid}`]: { of: `${ACCOUNT}/keys/{kid}`, status: 204 },
  [`POST ${ACCOUNT}/workload-identities`]: {
    of: `${ACCOUNT}/workload-identities`,
    body: { trusted_issuer: '{id}', rules: [{ claim: 'sub', equals: 'a' }] },
    status: 201,
  },
  [`DELETE ${ACCOUNT}/workload-identities/{id}`]: { of: `${ACCOUNT}/workload-identities/{id}`, status: 204 },
  'POST /admin/realms/{realm}/trusted-issuers': { of: undefined, body: ISSUER, status: 201 },
  [`PATCH ${OF_ISSUER}`]: { of: OF_ISSUER, body: { name: 'A' }, status: 200 },
  [`DELETE ${OF_ISSUER}`]: { of: OF_ISSUER, status: 204 },
  [`PUT ${ACCOUNT}/roles`]: { of: `${ACCOUNT}/roles`, body: { items: ['operate'] }, status: 200 },
  [`POST ${ACCOUNT}/roles`]: { of: `${ACCOUNT}/roles`, body: { role: 'operate' }, status: 200 },
  [`DELETE ${ACCOUNT}/roles/{role}`]: { of: `${ACCOUNT}/roles`, status: 204 },
  [`PUT ${ACCOUNT}/grants`]: { of: `${ACCOUNT}/grants`, body: { items: [GRANT] }, status: 200 },
  [`POST ${ACCOUNT}/grants`]: { of: `${ACCOUNT}/grants`, body: GRANT, status: 201 },
  [`DELETE ${ACCOUNT}/grants/{role}/{type}/{id}`]: { of: `${ACCOUNT}/grants`, status: 204 },
  [`POST ${ACCOUNT}/revoke-tokens`]: { of: ACCOUNT, status: 200 },
  'POST /admin/realms/{realm}/resources': {
    of: undefined,
    body: '{"type":"device","id":"d2"}',
    type: 'application/x-ndjson',
    status: 200,
  },
  'POST /admin/realms/{realm}/service-accounts/import': {
    of: undefined,
    body: '{"client_id":"imported","name":"Imported"}',
    type: 'application/x-ndjson',
    status: 200,
  },
  'PUT /admin/realms/{realm}/resources/{type}/{id}': { of: RESOURCE, body: { name: 'B' }, status: 200 },
  'DELETE /admin/realms/{realm}/resources/{type}/{id}': { of: RESOURCE, status: 204 },
  [`POST ${FOREIGN_KEYS}`]: {
    of: FOREIGN_KEYS,
    body: { jwks: FOREIGN_JWKS, until: new Date(Date.now() + 3_600_000).toISOString() },
    status: 200,
  },
  [`DELETE ${FOREIGN_KEYS}/{kid}`]: { of: FOREIGN_KEYS, status: 204 },
  'POST /admin/realms/{realm}/webhooks': { of: undefined, body: WEBHOOK, status: 201 },
  [`PATCH ${OF_WEBHOOK}`]: { of: OF_WEBHOOK, body: { description: 'A' }, status: 200 },
  [`DELETE ${OF_WEBHOOK}`]: { of: OF_WEBHOOK, status: 204 },
  [`POST ${OF_WEBHOOK}/test`]: { of: OF_WEBHOOK, repeats: true, status: 202 },
  [`POST ${OF_WEBHOOK}/deliveries/{delivery}/redeliver`]: { of: OF_WEBHOOK, repeats: true, status: 202 },
  'POST /admin/realms/{realm}/portal-links': { of: undefined, body: {}, status: 200 },
  'DELETE /admin/realms/{realm}/portal-sessions': { of: undefined, status: 200 },
  [`DELETE ${SESSION}`]: { of: undefined, status: 204 },
  'DELETE /admin/realms/{realm}/shadow': { of: undefined, status: 204 },
  'POST /admin/realms/{realm}/keys/rotate': { of: '/admin/realms/{realm}/keys', status: 200 },
  'DELETE /admin/realms/{realm}/keys/{kid}': { of: '/admin/realms/{realm}/keys', status: 204 },
}

async function operationsOf({ app }: TestServer): Promise<string[]> {
  const { paths } = (await app.inject('/admin/openapi.json')).json() as {
    paths: Record<string, Record<string, unknown>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
}

/** Each row has a realm of its own on it. */
const shared = await testServer(t)
const asAdministrator = await platformAdministrator(shared)

t.test('every changing operation of the document has its row', async (t) => {
  const documented = await operationsOf(shared)
  // They are sent what is too long for an address, and change nothing.
  const reading = ['POST /admin/realms/{realm}/trusted-issuers/explain', `POST ${ACCOUNT}/preview-token`]
  const changing = documented.filter((one) => !one.startsWith('GET ') && !reading.includes(one))
  t.same(changing.sort(), Object.keys(ROWS).sort())
})

/** A realm with all that the paths name. */
async function place(
  { operations }: TestServer,
  realm: string,
  operation = '',
): Promise<Record<string, string>> {
  await operations.realms.create(TESTER, realm)
  const { account } = await operations.accounts.create(TESTER, realm, { name: 'CI' })
  const { clientId } = account
  await operations.resources.put(TESTER, realm, { type: 'device', id: 'd1' })
  if (operation.startsWith('DELETE') && operation.includes('grants'))
    await operations.grants.add(TESTER, realm, clientId, GRANT)
  const id = await idIn(operations, operation, { realm, clientId })
  if (operation === `DELETE ${FOREIGN_KEYS}/{kid}`) {
    const until = new Date(Date.now() + 3_600_000)
    await operations.foreignKeys.publish(TESTER, realm, { jwks: FOREIGN_JWKS, until })
    return { realm, kid: 'old' }
  }
  if (operation.includes(OF_WEBHOOK)) {
    const webhook = await operations.webhooks.create(TESTER, realm, WEBHOOK)
    const { id: delivery } = await operations.webhookDeliveries.test(TESTER, realm, webhook.id)
    return { realm, id: webhook.id, delivery }
  }
  if (operation.includes(SESSION)) {
    const { url } = await operations.portal.createLink(TESTER, realm)
    await operations.portal.signInWithLink(realm, url.split('#')[1] as string, '192.0.2.1')
    return { realm, id: (await operations.portal.listSessions(TESTER, realm))[0]?.id ?? '' }
  }
  const { pem } = testKeyPair()
  const [key] = operation.includes(`${ACCOUNT}/keys/`)
    ? [(await operations.clientKeys.add(TESTER, realm, clientId, { pem })).key]
    : await operations.signingKeys.list(TESTER, realm)
  return { realm, client_id: clientId, kid: key?.kid ?? '', ...GRANT, role: roleIn(operation), id }
}

async function idIn(
  { secrets, trustedIssuers, workloadIdentities }: TestServer['operations'],
  operation: string,
  { realm, clientId }: { readonly realm: string; readonly clientId: string },
): Promise<string> {
  if (operation.includes('secrets/{id}'))
    return (await secrets.startRotation(TESTER, realm, clientId)).secret.id
  const isIdentity = operation.includes('workload-identities')
  if (!isIdentity && !operation.includes(OF_ISSUER)) return 'd1'
  const { issuer } = await trustedIssuers.create(TESTER, realm, ISSUER)
  if (!isIdentity || operation.startsWith('POST')) return issuer.id
  const asked = { trustedIssuer: issuer.id, rules: [{ claim: 'sub', equals: 'b' }] }
  return (await workloadIdentities.create(TESTER, realm, clientId, asked)).identity.id
}

function roleIn(operation: string): string {
  return operation.includes('grants') ? 'operate' : 'view'
}

for (const [n, [operation, row]] of Object.entries(ROWS).entries())
  t.test(`${operation} heeds If-Match and If-None-Match`, async (t) => {
    const names = await place(shared, `acme-${n}`, operation)
    const fill = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] as string)
    await checkRow(t, asAdministrator, operation, row, fill)
  })

async function checkRow(t: Test, ask: Ask, operation: string, row: Row, fill: (path: string) => string) {
  const [method, pattern] = operation.split(' ') as [Parameters<Ask>[0], string]
  const body = typeof row.body === 'object' ? JSON.parse(fill(JSON.stringify(row.body))) : row.body
  const change = (headers: Record<string, string>) =>
    ask(method, fill(pattern + (row.query ?? '')), body, {
      ...(row.type !== undefined && { 'content-type': row.type }),
      ...headers,
    })
  const etag = row.of && String((await ask('GET', fill(row.of))).headers['etag'])
  for (const headers of [
    { 'if-match': '"999999"' },
    { 'if-match': '"a", "b.c" , W/"d"' },
    { 'if-match': '""' },
    { 'if-none-match': '*' },
    ...(etag === undefined
      ? []
      : [{ 'if-match': `W/${etag}` }, { 'if-none-match': etag }, { 'if-none-match': `"x", W/${etag}` }]),
  ]) {
    const answer = await change(headers)
    t.equal(answer.status, 412, `${JSON.stringify(headers)}: ${answer.text}`)
    t.match(answer.body, { type: 'urn:mintmark:problem:changed-meanwhile' })
  }
  for (const value of ['unquoted', '"a" "b"', '"a', '*, "a"', ''])
    t.equal((await change({ 'if-match': value })).status, 400, `If-Match: ${value}`)
  if (row.of !== undefined)
    t.equal((await ask('GET', fill(row.of))).headers['etag'], etag, 'nothing has been changed')
  const ahead = await change({
    'if-match': etag === undefined ? '*' : `"0", ${etag}`,
    'if-none-match': '"something-else"',
  })
  t.equal(ahead.status, row.status, ahead.text)
  if (etag === undefined || row.repeats || method === 'DELETE') return
  t.equal((await change({ 'if-match': etag })).status, 412, 'and not once more')
}

t.test(
  'a resource is made by PUT only where If-None-Match: * finds none, and changed only where If-Match finds it',
  async (t) => {
    const server = await testServer(t)
    const ask = await platformAdministrator(server)
    await server.operations.realms.create(TESTER, 'acme')
    const path = '/admin/realms/acme/resources/device/d1'
    const put = (name: string, headers: Record<string, string>) => ask('PUT', path, { name }, headers)
    t.equal((await put('A', { 'if-match': '*' })).status, 412)
    const racing = await Promise.all(['A', 'B', 'C', 'D'].map((name) => put(name, { 'if-none-match': '*' })))
    t.same(racing.map(({ status }) => status).sort(), [201, 412, 412, 412])
    const made = racing.find(({ status }) => status === 201)
    const read = await ask('GET', path)
    t.equal(read.body.name, made?.body.name)
    t.equal(read.headers['etag'], made?.headers['etag'])
    t.equal((await put('E', { 'if-match': '*' })).status, 200)
    t.equal((await put('F', { 'if-match': String(read.headers['etag']) })).status, 412)
  },
)

t.test('a GET that says what it has already is answered 304, and 200 once that has changed', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await place(server, 'acme')
  const { items } = (await ask('GET', '/admin/realms/acme/service-accounts')).body
  const account = `/admin/realms/acme/service-accounts/${items[0].client_id}`
  const paths = [
    '/admin/realms',
    '/admin/realms/acme',
    '/admin/realms/acme/service-accounts',
    account,
    `${account}/roles`,
    `${account}/grants`,
    `${account}/secrets`,
    `${account}/keys`,
    '/admin/realms/acme/resources',
    '/admin/realms/acme/resources/device/d1',
    '/admin/realms/acme/keys',
    '/admin/realms/acme/audit-events',
    '/admin/openapi.json',
  ]
  for (const path of paths) {
    const first = await ask('GET', path)
    const etag = String(first.headers['etag'])
    t.match(etag, /^(W\/)?"[\w.-]+"$/, path)
    for (const value of [etag, `"x", W/${etag.replace('W/', '')}`, '*']) {
      const again = await ask('GET', path, undefined, { 'if-none-match': value })
      t.equal(again.status, 304, `${path}: ${value}`)
      t.equal(again.text, '')
      t.equal(again.headers['etag'], etag)
    }
    t.equal((await ask('GET', path, undefined, { 'if-none-match': '"x"' })).status, 200)
    t.equal((await ask('GET', path, undefined, { 'if-match': '"x"' })).status, 412, path)
    t.equal((await ask('GET', path, undefined, { 'if-match': '*' })).status, 200)
  }
  const { token } = { token: undefined }
  t.equal((await asking(server, token)('GET', account, undefined, { 'if-none-match': '*' })).status, 401)
  const before = String((await ask('GET', account)).headers['etag'])
  await server.operations.grants.add(TESTER, 'acme', items[0].client_id, GRANT)
  t.equal((await ask('GET', account, undefined, { 'if-none-match': before })).status, 200)
})

t.test('an update that changes nothing keeps the version and leaves no audit event', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme', { displayName: 'Acme', roles: ['deploy'] })
  const accounts = '/admin/realms/acme/service-accounts'
  const made = await ask('POST', accounts, {
    name: 'CI',
    description: 'x',
    roles: ['view'],
    scopes: ['view'],
  })
  const path = `${accounts}/${made.body.client_id}`
  await ask('PUT', '/admin/realms/acme/resources/device/d1', { name: 'D' })
  await ask('POST', `${path}/grants`, GRANT)
  const state = async () => {
    const [realm, account, trail] = await Promise.all(
      ['/admin/realms/acme', path, '/admin/realms/acme/audit-events'].map((one) => ask('GET', one)),
    )
    return [realm?.headers['etag'], account?.headers['etag'], trail?.body.items.length]
  }
  const before = await state()
  server.clock.advance(60)
  const { name, description, roles, scopes, enabled } = (await ask('GET', path)).body
  const same: [Parameters<Ask>[0], string, unknown][] = [
    ['PATCH', path, { name, description, roles, scopes, enabled }],
    ['PATCH', path, {}],
    ['PATCH', path, { enabled: true }],
    ['PUT', `${path}/roles`, { items: ['view'] }],
    ['POST', `${path}/roles`, { role: 'view' }],
    ['POST', `${path}/grants`, GRANT],
    ['PUT', `${path}/grants`, { items: [GRANT] }],
    ['PUT', '/admin/realms/acme/resources/device/d1', { name: 'D' }],
    ['PATCH', '/admin/realms/acme', { display_name: 'Acme', roles: ['deploy'] }],
    ['PATCH', '/admin/realms/acme', {}],
  ]
  for (const [method, at, body] of same) {
    t.equal((await ask(method, at, body)).status, 200, `${method} ${at}`)
    t.same(await state(), before, `${method} ${at} ${JSON.stringify(body)}`)
  }
})

t.test('a grant that was made has its address', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await server.operations.resources.put(TESTER, 'acme', { type: 'device', id: 'a/b' })
  const path = `/admin/realms/acme/service-accounts/${account.clientId}/grants`
  const grant = { role: 'view', type: 'device', id: 'a/b' }
  const made = await ask('POST', path, grant)
  t.equal(made.status, 201)
  t.equal(made.headers['location'], `${PUBLIC_URL}${path}/view/device/a%2Fb`)
  t.equal((await ask('DELETE', String(made.headers['location']).slice(PUBLIC_URL.length))).status, 204)
  t.equal((await ask('POST', path, grant)).status, 201)
  const again = await ask('POST', path, grant)
  t.equal(again.status, 200)
  t.equal(again.headers['location'], undefined)
})
