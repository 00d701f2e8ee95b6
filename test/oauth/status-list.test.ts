import { gunzipSync } from 'node:zlib'
import { decodeProtectedHeader } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { STATUS_LIST_SIZE } from '../../src/domain/status-list.ts'
import { tokenFor } from '../support/admin.ts'
import { PUBLIC_URL, TESTER, type TestServer, testClock, testServer } from '../support/server.ts'
import { readStatusList, statusOf, statusOfToken } from '../support/status-list.ts'

const PATH = '/realms/acme/protocol/openid-connect/status-lists/0'

async function acme(t: Test, options = {}): Promise<TestServer> {
  const server = await testServer(t, options)
  await server.operations.realms.create(TESTER, 'acme')
  return server
}

async function client(server: TestServer, name = 'CI') {
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name })
  const { clientId } = account
  return { clientId, clientSecret, token: await tokenFor(server, 'acme', clientId, clientSecret) }
}

async function query({ databaseUrl }: TestServer, text: string) {
  const connection = new pg.Client(databaseUrl)
  await connection.connect()
  try {
    return (await connection.query(text)).rows
  } finally {
    await connection.end()
  }
}

t.test('a list is a signed token that says how long it may be gone by', async (t) => {
  const server = await acme(t)
  const { token } = await client(server)
  const { uri } = statusOf(token)
  t.equal(uri, PUBLIC_URL + PATH)
  const answer = await server.app.inject(PATH)
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, {
    'content-type': 'application/statuslist+jwt',
    'cache-control': 'public, no-cache',
    'access-control-allow-origin': '*',
    etag: /^"[\w-]+"$/,
    vary: 'accept-encoding',
  })
  t.match(decodeProtectedHeader(answer.body), { typ: 'statuslist+jwt', alg: 'ES256' })
  const { claims, list } = await readStatusList(server)
  const iat = Math.floor(server.clock.now.getTime() / 1000)
  t.match(claims, { iss: `${PUBLIC_URL}/realms/acme`, sub: uri, iat, exp: iat + 120, ttl: 10 })
  t.equal(list.bits, 1)
  t.equal(list.bytes.length * 8, STATUS_LIST_SIZE)
})

t.test('a deleted, disabled or revoked account has its bit set at the next look', async (t) => {
  const server = await acme(t)
  const { operations } = server
  const ends = {
    delete: (clientId: string) => operations.accounts.delete(TESTER, 'acme', clientId),
    disable: (clientId: string) => operations.accounts.update(TESTER, 'acme', clientId, { enabled: false }),
    'revoke-tokens': (clientId: string) => operations.accounts.revokeTokens(TESTER, 'acme', clientId),
  }
  const bystander = await client(server, 'bystander')
  for (const [name, end] of Object.entries(ends)) {
    const { clientId, token } = await client(server, name)
    t.equal(await statusOfToken(server, token), 0)
    await end(clientId)
    t.equal(await statusOfToken(server, token), 1, name)
    await t.rejects(operations.presentedTokens.verify(token), { code: 'invalid_token' }, name)
  }
  t.equal(await statusOfToken(server, bystander.token), 0)
})

t.test('an account that lives on gets tokens that are good', async (t) => {
  const server = await acme(t)
  const { operations } = server
  const { clientId, clientSecret, token } = await client(server)
  await operations.accounts.revokeTokens(TESTER, 'acme', clientId)
  const second = await tokenFor(server, 'acme', clientId, clientSecret)
  t.not(statusOf(second).idx, statusOf(token).idx)
  t.equal(await statusOfToken(server, second), 0)
  t.equal((await operations.presentedTokens.verify(second)).account.clientId, clientId)

  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: true })
  await t.rejects(operations.presentedTokens.verify(second), { message: 'tokens of the client were revoked' })
  const third = await tokenFor(server, 'acme', clientId, clientSecret)
  t.equal(await statusOfToken(server, third), 0)
  t.equal(await statusOfToken(server, second), 1)
})

t.test('a change that affects no token leaves the list alone', async (t) => {
  const server = await acme(t)
  const { clientId, token } = await client(server)
  const before = (await server.app.inject(PATH)).headers['etag']
  await server.operations.accounts.update(TESTER, 'acme', clientId, { name: 'other', enabled: true })
  await server.operations.secrets.reset(TESTER, 'acme', clientId)
  await client(server, 'another')
  t.equal((await server.app.inject(PATH)).headers['etag'], before)
  t.equal(await statusOfToken(server, token), 0)
})

t.test('a conditional GET of an unchanged list is 304, in either encoding', async (t) => {
  const server = await acme(t)
  const plain = await server.app.inject(PATH)
  const zipped = await server.app.inject({ url: PATH, headers: { 'accept-encoding': 'br, gzip' } })
  t.equal(zipped.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(zipped.rawPayload).toString(), plain.body)
  t.not(zipped.headers['etag'], plain.headers['etag'])
  for (const { headers, encoding } of [
    { headers: plain.headers, encoding: 'gzip;q=0' },
    { headers: zipped.headers, encoding: 'gzip' },
  ]) {
    const again = await server.app.inject({
      url: PATH,
      headers: { 'if-none-match': String(headers['etag']), 'accept-encoding': encoding },
    })
    t.equal(again.statusCode, 304)
    t.equal(again.body, '')
    t.equal(again.headers['etag'], headers['etag'])
  }
  const head = await server.app.inject({ method: 'HEAD', url: PATH })
  t.equal(head.statusCode, 200)
  t.equal(head.headers['etag'], plain.headers['etag'])
  t.equal(head.body, '')
})

t.test('a list is signed anew before it expires, and by the current key alone', async (t) => {
  const server = await acme(t)
  const first = await server.app.inject(PATH)
  server.clock.advance(59)
  t.equal((await server.app.inject(PATH)).body, first.body)
  server.clock.advance(1)
  const second = await server.app.inject(PATH)
  t.not(second.body, first.body)
  const [key] = await server.operations.signingKeys.list(TESTER, 'acme')
  await server.operations.signingKeys.revoke(TESTER, 'acme', key?.kid as string)
  const third = await server.app.inject(PATH)
  t.not(decodeProtectedHeader(third.body).kid, decodeProtectedHeader(second.body).kid)
})

t.test('every node shows a change at once in its status list', async (t) => {
  const server = await acme(t)
  const other = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  for (let round = 0; round < 30; round++) {
    const { clientId, token } = await client(server, `account ${round}`)
    t.equal(await statusOfToken(other, token), 0)
    // While it is asked for all the time, so that something is always under way.
    const noise = Array.from({ length: 20 }, () => other.app.inject(PATH))
    await server.operations.accounts.delete(TESTER, 'acme', clientId)
    const after = Array.from({ length: 5 }, () => statusOfToken(other, token))
    t.same(new Set(await Promise.all(after)), new Set([1]))
    await Promise.all(noise)
  }
})

t.test('a list without indexes is 404, except the first list', async (t) => {
  const server = await acme(t)
  t.equal((await server.app.inject(PATH)).statusCode, 200)
  for (const id of ['1', '9999', '10000', '00', '-1', '1.0', 'x', '%2e%2e']) {
    const answer = await server.app.inject(`/realms/acme/protocol/openid-connect/status-lists/${id}`)
    t.equal(answer.statusCode, 404, id)
    t.same(answer.json(), { error: 'not_found' })
  }
  for (const realm of ['nobody', 'A']) {
    const answer = await server.app.inject(PATH.replace('acme', realm))
    t.equal(answer.statusCode, 404)
    t.same(answer.json(), { error: 'Realm does not exist' })
  }
})

t.test('the status list is 503 without the database', async (t) => {
  const server = await acme(t)
  await server.app.inject(PATH)
  await server.cutDatabase()
  const answer = await server.app.inject(PATH)
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '1')
})

t.test('a realm that has had all places of its list taken goes on in a second one', async (t) => {
  const server = await acme(t)
  await query(
    server,
    `set session_replication_role = replica;
     insert into status_indexes (realm_id, status_index) select id, generate_series(0, ${STATUS_LIST_SIZE - 1})
     from realms where name = 'acme'`,
  )
  const { clientId, token } = await client(server)
  const { idx, uri } = statusOf(token)
  t.match(uri, /status-lists\/1$/)
  t.ok(idx < STATUS_LIST_SIZE)
  await server.operations.accounts.delete(TESTER, 'acme', clientId)
  const { list } = await readStatusList(server, 'acme', 1)
  t.equal(((list.bytes[idx >> 3] as number) >> (idx & 7)) & 1, 1)
})

t.test(
  'a bit is shown until no token can carry it, and its index kept until no list can show it',
  async (t) => {
    const server = await acme(t)
    const { clientId, token } = await client(server)
    await server.operations.accounts.delete(TESTER, 'acme', clientId)
    const count = async () => (await query(server, 'select count(*)::int as n from status_indexes'))[0].n
    server.clock.advance(3600 + 299)
    t.equal(await statusOfToken(server, token), 1)
    server.clock.advance(120)
    t.equal(await statusOfToken(server, token), 0)
    await server.operations.expiry.deleteExpired()
    t.equal(await count(), 1)
    server.clock.advance(302)
    await server.operations.expiry.deleteExpired()
    t.equal(await count(), 0)
  },
)

t.test('a realm made again under its name has nothing of the one before', async (t) => {
  const server = await acme(t)
  const other = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  const { clientId } = await client(server)
  await server.operations.accounts.delete(TESTER, 'acme', clientId)
  const before = await readStatusList(other)
  await server.operations.realms.delete(TESTER, 'acme')
  await server.operations.realms.create(TESTER, 'acme')
  const after = await readStatusList(other)
  t.ok(before.list.bytes.some((byte) => byte !== 0))
  t.ok(after.list.bytes.every((byte) => byte === 0))
  const jwks = '/realms/acme/protocol/openid-connect/certs'
  t.equal((await other.app.inject(jwks)).body, (await server.app.inject(jwks)).body)
})

t.test('a clock that was ahead leaves no list from the future behind', async (t) => {
  const server = await acme(t)
  server.clock.advance(3600)
  await readStatusList(server)
  server.clock.advance(-3600)
  const { claims } = await readStatusList(server)
  t.equal(claims['iat'], Math.floor(server.clock.now.getTime() / 1000))
})

t.test('a list is built once for those who ask one after the other, while time goes on', async (t) => {
  const clock = testClock()
  // Each look at it finds it later.
  const read = () => {
    clock.advance(0.001)
    return clock.now
  }
  const { app } = await acme(t, { clock: { ...clock, read } })
  const first = await app.inject(PATH)
  t.equal(first.statusCode, 200)
  t.equal((await app.inject(PATH)).body, first.body)
})
