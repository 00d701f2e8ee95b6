import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { IDEMPOTENT_BY_KEY } from '../../src/http/admin/idempotency.ts'
import { type Ask, adminToken, asking } from '../support/admin.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const ACCOUNTS = '/admin/realms/acme/service-accounts'
// Part of a kid or an etag may be mm_ by chance.
const SECRET = /mm_[0-9A-Za-z]{49}/

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const administrator = await adminToken(server, 'acme', ['account-admin'])
  const api = asking(server, administrator.token)
  const post = (path: string, body: unknown, key: string, more = {}) =>
    api('POST', path, body, { 'idempotency-key': key, ...more })
  return { server, api, post, administrator }
}

async function rows({ databaseUrl }: TestServer) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query('select * from idempotency_keys')
  await client.end()
  return rows
}

const count = async (api: Ask, name: string) =>
  (await api('GET', `${ACCOUNTS}?name=${name}`)).body.items.length as number

t.test('the same request with its key is done once and answered alike, without the secret', async (t) => {
  const { server, api, post } = await acme(t)
  const key = randomUUID()
  const first = await post(ACCOUNTS, { name: 'CI' }, key)
  t.equal(first.status, 201)
  t.match(first.body.client_secret, /^mm_/)
  t.equal(first.headers['idempotency-replayed'], undefined)
  const again = await post(ACCOUNTS, { name: 'CI' }, `"${key}"`)
  t.equal(again.status, 201)
  const { client_secret: _secret, ...rest } = first.body
  t.same(again.body, rest)
  for (const name of ['location', 'etag', 'content-type', 'cache-control'])
    t.equal(again.headers[name], first.headers[name], name)
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal(await count(api, 'CI'), 1)
  const stored = JSON.stringify(await rows(server))
  t.notMatch(stored, SECRET)
  t.notMatch(stored, key)
})

t.test('the key with another request is refused, and does nothing', async (t) => {
  const { api, post } = await acme(t)
  await post(ACCOUNTS, { name: 'one' }, 'k')
  const others: [string, unknown, object?][] = [
    [ACCOUNTS, { name: 'two' }],
    [ACCOUNTS, { name: 'one', description: 'x' }],
    [ACCOUNTS, { name: 'one' }, { 'if-none-match': '*' }],
    ['/admin/realms/acme/keys/rotate', undefined],
  ]
  for (const [path, body, more] of others) {
    const answer = await post(path, body, 'k', more)
    t.equal(answer.status, 422, path)
    t.match(answer.body, { type: 'urn:mintmark:problem:key-reused', field: 'Idempotency-Key' })
  }
  t.equal(await count(api, 'two'), 0)
})

t.test(
  'of requests at once with one key one is done, and the others conflict or are answered alike',
  async (t) => {
    const { api, post } = await acme(t)
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(ACCOUNTS, { name: 'CI' }, 'k')))
    t.equal(answers.filter(({ body }) => body.client_secret !== undefined).length, 1)
    for (const { status } of answers) t.ok(status === 201 || status === 409, String(status))
    t.equal(await count(api, 'CI'), 1)
  },
)

t.test('a refusal frees the key', async (t) => {
  const { post } = await acme(t)
  await post(ACCOUNTS, { name: 'taken' }, 'a')
  t.equal((await post(ACCOUNTS, { name: 'taken' }, 'b')).status, 409)
  t.equal((await post(ACCOUNTS, { name: '' }, 'b')).status, 400)
  t.equal((await post(ACCOUNTS, { name: 'free' }, 'b')).status, 201)
})

t.test('a request whose outcome is not known is not done again', async (t) => {
  const { server, post, administrator } = await acme(t)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await post(ACCOUNTS, { name: 'CI' }, 'k')
  await client.query('update idempotency_keys set status = null, body = null')
  await client.end()
  const again = await post(ACCOUNTS, { name: 'CI' }, 'k')
  t.equal(again.status, 409)
  t.match(again.body.detail, /read what is there/)
  t.ok(administrator)
})

t.test('a key counts for its administrator alone, and for a day', async (t) => {
  const { server, api, post } = await acme(t)
  const other = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal((await post(ACCOUNTS, { name: 'one' }, 'k')).status, 201)
  t.equal((await other('POST', ACCOUNTS, { name: 'two' }, { 'idempotency-key': 'k' })).status, 201)
  server.clock.advance(86_401)
  const late = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal(await count(late, 'one'), 1)
  t.equal((await rows(server)).length, 2)
  server.clock.advance(86_400)
  await server.operations.expiry.deleteExpired()
  t.same(await rows(server), [])
  t.ok(api)
})

t.test('an answer is not told to one who has lost authority', async (t) => {
  const { server, post, administrator } = await acme(t)
  t.equal((await post(ACCOUNTS, { name: 'one' }, 'k')).status, 201)
  await server.operations.accounts.update(TESTER, 'acme', administrator.clientId, { roles: ['view'] })
  t.equal((await post(ACCOUNTS, { name: 'one' }, 'k')).status, 403)
  t.equal((await post('/admin/realms/system/service-accounts', { name: 'one' }, 'j')).status, 403)
})

t.test('an invalid key is refused, and a key is ignored where it has no meaning', async (t) => {
  const { api, post } = await acme(t)
  for (const key of ['', '""', 'a b', '"a', 'ä', 'x'.repeat(256), 'a, b'])
    t.equal((await post(ACCOUNTS, { name: 'x' }, key)).status, 400, key)
  t.equal(await count(api, 'x'), 0)
  t.equal((await api('GET', ACCOUNTS, undefined, { 'idempotency-key': 'a b' })).status, 200)
})

t.test('secrets are reset and rotated once, and so is each other operation with a key', async (t) => {
  const { server, api, post } = await acme(t)
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const one = `${ACCOUNTS}/${account.clientId}`
  for (const [path, body] of [
    [`${one}/reset-secret`, undefined],
    [`${one}/secrets`, undefined],
    [`${one}/roles`, { role: 'operate' }],
    [`${one}/revoke-tokens`, undefined],
    ['/admin/realms/acme/keys/rotate', undefined],
    ['/admin/realms/acme/webhooks', { url: 'https://ops.example.com/', events: ['secret.leaked'] }],
  ] as const) {
    const first = await post(path, body, path.slice(-40))
    t.ok(first.status < 300, `${path} ${first.status} ${first.text}`)
    const again = await post(path, body, path.slice(-40))
    t.equal(again.status, first.status, path)
    t.equal(again.headers['idempotency-replayed'], 'true', path)
    t.notMatch(again.text, SECRET)
  }
  t.equal((await api('GET', `${one}/secrets`)).body.items.length, 2)
  t.equal((await api('GET', '/admin/realms/acme/webhooks')).body.items.length, 1)
})

t.test('the document tells which operations heed the key', async (t) => {
  const { api } = await acme(t)
  const { body } = await api('GET', '/admin/openapi.json')
  const operations = Object.values(body.paths).flatMap((one) => Object.values(one as object))
  const heeding = operations
    .filter(({ parameters }) => JSON.stringify(parameters).includes('parameters/IdempotencyKey'))
    .map(({ operationId }) => operationId)
  t.same(heeding.sort(), [...IDEMPOTENT_BY_KEY].sort())
})
