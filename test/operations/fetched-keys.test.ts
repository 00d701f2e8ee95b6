import t, { type Test } from 'tap'
import { type KeySource, KeysUnavailableError } from '../../src/domain/key-source.ts'
import { fetchedKeys } from '../../src/operations/federation/fetched-keys.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { claimKeyFetch, measureKeyFetchFailures } from '../../src/storage/fetched-keys.ts'
import { query } from '../support/assertion.ts'
import { type Answer, jwksOf, type KeyServer, keyServer } from '../support/key-server.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const MINUTE = 60
const HOUR = 3600

interface Setting {
  readonly server: TestServer
  readonly issuer: KeyServer
  readonly source: KeySource
  readonly realmId: string
  readonly db: ReturnType<typeof openDatabase>
  /** Another process with the same database. */
  node(): ReturnType<typeof fetchedKeys>
  readonly log: string[]
}

async function setting(t: Test): Promise<Setting> {
  const server = await testServer(t)
  const realm = await server.operations.realms.create(TESTER, 'acme')
  const issuer = await keyServer(t, { plain: true })
  issuer.answers['/jwks'] = jwksOf('a')
  issuer.headers['cache-control'] = 'max-age=600'
  const db = openDatabase({ connectionString: server.databaseUrl, poolSize: 4, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const log: string[] = []
  const node = () =>
    fetchedKeys({
      tokenDb: db,
      assertionDb: db,
      clock: server.clock.read,
      log: (message) => void log.push(message),
      keyFetching: { networks: ['127.0.0.0/8'], ca: undefined },
    })
  const source = { kind: 'jwks_uri', address: `${issuer.url}/jwks` } as const
  return { server, issuer, source, realmId: realm.id, db, node, log }
}

const DOWN: Answer = (_request, response) => void response.writeHead(503).end()

t.test('keys are fetched once while they are fresh, on all nodes together', async (t) => {
  const { issuer, source, realmId, node } = await setting(t)
  const [one, other] = [node(), node()]
  const found = await Promise.all([one, other, one, other].map((keys) => keys.find(realmId, source, 'a')))
  for (const { keys } of found) t.same(keys[0]?.kid, 'a')
  t.equal(new Set(found.map(({ version }) => version)).size, 1)
  t.equal(issuer.requests.length, 1)
})

t.test('keys outlive a restart without network', async (t) => {
  const { issuer, source, realmId, node } = await setting(t)
  await node().find(realmId, source, 'a')
  issuer.answers['/jwks'] = DOWN
  t.equal((await node().find(realmId, source, 'a')).keys.length, 1)
  t.equal(issuer.requests.length, 1)
})

t.test('keys are fetched again when they are no longer fresh', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const keys = node()
  const first = await keys.find(realmId, source, 'a')
  issuer.answers['/jwks'] = jwksOf('b')
  server.clock.advance(7 * MINUTE)
  t.equal(await keys.find(realmId, source, 'a'), first)
  server.clock.advance(4 * MINUTE)
  const second = await keys.find(realmId, source, undefined)
  t.same(
    second.keys.map(({ kid }) => kid),
    ['b'],
  )
  t.not(second.version, first.version)
})

t.test('keys are fetched in the background before they have to be', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const keys = node()
  const first = await keys.find(realmId, source, 'a')
  const { promise, resolve } = Promise.withResolvers<void>()
  const document = issuer.answers['/jwks'] as object
  issuer.answers['/jwks'] = (_request, response) => {
    resolve()
    response.end(JSON.stringify(document))
  }
  server.clock.advance(9 * MINUTE)
  t.equal(await keys.find(realmId, source, 'a'), first, 'without waiting')
  await promise
  for (let at = 0; at < 100 && issuer.requests.length < 2; at++) await new Promise(setImmediate)
  t.equal(issuer.requests.length, 2)
  // The same keys stay the same objects, on which verified signatures hang.
  let again = await keys.find(realmId, source, 'a')
  while (again === first) again = await keys.find(realmId, source, 'a')
  t.equal(again.version, first.version)
  t.equal(again.keys, first.keys)
})

t.test('an unknown kid fetches once in 30 seconds, on all nodes together', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const nodes = [node(), node()]
  const ask = (kid: string) =>
    Promise.all(
      Array.from({ length: 20 }, (_, at) => (nodes[at % 2] as (typeof nodes)[0]).find(realmId, source, kid)),
    )
  await ask('a')
  await ask('x')
  t.equal(issuer.requests.length, 1, 'the keys were fetched just now')
  server.clock.advance(31)
  issuer.answers['/jwks'] = jwksOf('a', 'b')
  const found = await ask('b')
  t.ok(found.every(({ keys }) => keys.some(({ kid }) => kid === 'b')))
  t.equal(issuer.requests.length, 2)
  for (let at = 0; at < 5; at++) await ask(`x${at}`)
  t.equal(issuer.requests.length, 2)
  server.clock.advance(31)
  await ask('y')
  t.equal(issuer.requests.length, 3)
})

t.test('keys of an issuer that is down are good for a day after they were fresh', async (t) => {
  const { server, issuer, source, realmId, node, log, db } = await setting(t)
  const keys = node()
  await keys.find(realmId, source, 'a')
  issuer.answers['/jwks'] = DOWN
  server.clock.advance(23 * HOUR)
  t.equal((await keys.find(realmId, source, 'a')).keys.length, 1)
  t.equal((await node().find(realmId, source, 'a')).keys.length, 1, 'also after a restart')
  const { count, since } = await measureKeyFetchFailures(
    db,
    new Date(server.clock.now.getTime() - HOUR * 1000),
  )
  t.same([count, since], [1, server.clock.now])
  server.clock.advance(2 * HOUR)
  await t.rejects(keys.find(realmId, source, 'a'), KeysUnavailableError)
  await t.rejects(node().find(realmId, source, 'a'), KeysUnavailableError)
  t.equal(log.filter((line) => /could not be fetched/.test(line)).length, 1, 'logged once')

  issuer.answers['/jwks'] = jwksOf('a')
  server.clock.advance(31)
  t.equal((await keys.find(realmId, source, 'a')).keys.length, 1)
  t.match(log.at(-1), /keys can be fetched again/)
  t.equal((await measureKeyFetchFailures(db, new Date(0))).count, 0)
})

t.test('a failure is remembered for 30 seconds', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  issuer.answers['/jwks'] = DOWN
  const keys = node()
  for (let at = 0; at < 3; at++) await t.rejects(keys.find(realmId, source, 'a'), /status 503/)
  await t.rejects(node().find(realmId, source, 'a'), KeysUnavailableError)
  t.equal(issuer.requests.length, 1)
  server.clock.advance(31)
  issuer.answers['/jwks'] = jwksOf('a')
  t.equal((await keys.find(realmId, source, 'a')).keys.length, 1)
  t.equal(issuer.requests.length, 2)
  t.same(keys.countFetches(), { succeeded: 1, failed: 1 })
})

t.test('a document that cannot be read never replaces keys', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const keys = node()
  await keys.find(realmId, source, 'a')
  issuer.answers['/jwks'] = { keys: [{ kty: 'oct', k: 'AAAA', kid: 'a' }] }
  server.clock.advance(HOUR)
  t.equal((await keys.find(realmId, source, 'a')).keys.length, 1)
  const { fault, kids, failedSince } = await keys.describe(realmId, source)
  t.match(fault, /none of the keys/)
  t.same(kids, ['a'])
  t.same(failedSince, server.clock.now)
})

t.test('an empty list takes all keys away', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const keys = node()
  await keys.find(realmId, source, 'a')
  issuer.answers['/jwks'] = { keys: [] }
  server.clock.advance(HOUR)
  t.same((await keys.find(realmId, source, 'a')).keys, [])
})

t.test('an attempt whose node died holds up others for seconds alone', async (t) => {
  const { server, issuer, source, realmId, node, db } = await setting(t)
  const id = { realmId, source: `jwks_uri ${source.address}` }
  t.ok(await claimKeyFetch(db, id, server.clock.now, new Date(0)))
  server.clock.advance(15)
  await t.rejects(node().find(realmId, source, 'a'), KeysUnavailableError)
  t.equal(issuer.requests.length, 0)
  server.clock.advance(16)
  t.equal((await node().find(realmId, source, 'a')).keys.length, 1)
})

t.test('a request waits for what another node fetches', async (t) => {
  const { issuer, source, realmId, node } = await setting(t)
  const document = issuer.answers['/jwks'] as object
  const { promise, resolve } = Promise.withResolvers<() => void>()
  issuer.answers['/jwks'] = (_request, response) => resolve(() => response.end(JSON.stringify(document)))
  const first = node().find(realmId, source, 'a')
  const answer = await promise
  const second = node().find(realmId, source, 'a')
  answer()
  t.equal((await first).version, (await second).version)
  t.equal(issuer.requests.length, 1)
})

t.test('slow servers of one realm do not hold up the others', async (t) => {
  const { server, issuer, realmId, node } = await setting(t)
  const other = await server.operations.realms.create(TESTER, 'globex')
  const answers: (() => void)[] = []
  for (let at = 0; at < 20; at++)
    issuer.answers[`/slow${at}`] = (_request, response) => {
      answers.push(() => response.end(JSON.stringify(jwksOf('a'))))
    }
  const keys = node()
  const of = (path: string) => ({ kind: 'jwks_uri', address: issuer.url + path }) as const
  const slow = Array.from({ length: 20 }, (_, at) => keys.find(realmId, of(`/slow${at}`), 'a'))
  t.equal((await keys.find(other.id, of('/jwks'), 'a')).keys.length, 1)
  t.ok(answers.length <= 2, 'two at a time')
  const timer = setInterval(() => {
    for (const answer of answers.splice(0)) answer()
  }, 5)
  await Promise.allSettled(slow)
  clearInterval(timer)
})

t.test('keys of a realm are its own, and gone with it', async (t) => {
  const { server, issuer, source, realmId, node } = await setting(t)
  const other = await server.operations.realms.create(TESTER, 'globex')
  const keys = node()
  await keys.find(realmId, source, 'a')
  await keys.find(other.id, source, 'a')
  t.equal(issuer.requests.length, 2)
  await server.operations.realms.delete(TESTER, 'globex')
  while (await server.operations.expiry.deleteExpired());
  t.same(await query(server, 'select realm_id from fetched_keys'), [{ realm_id: realmId }])
  server.clock.advance(8 * 24 * HOUR)
  await server.operations.expiry.deleteExpired()
  t.same(await query(server, 'select realm_id from fetched_keys'), [])
})
