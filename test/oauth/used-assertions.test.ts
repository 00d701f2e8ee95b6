import pg from 'pg'
import t, { type Test } from 'tap'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { askWith, assertionClaims, keyClient, query, signAssertion } from '../support/assertion.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { PUBLIC_URL, TESTER, type TestServerOptions, testClock, testServer } from '../support/server.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`
const TIMES = 300
const AT_ONCE = 25

async function twoNodes(t: Test, options: TestServerOptions = {}) {
  const clock = testClock()
  const first = await testServer(t, { clock, ...options })
  const second = await testServer(t, { clock, databaseUrl: first.databaseUrl })
  await first.operations.realms.create(TESTER, 'acme')
  return { clock, first, second, client: await keyClient(first) }
}

/** Each from an address of its own: replays count against the network that they come from. */
const addressOf = (n: number) => `10.1.${n >> 8}.${n & 255}`

t.test(`${TIMES} assertions at two nodes at the same moment get one token each`, async (t) => {
  const { first, second, client } = await twoNodes(t)
  const statuses = async (n: number) => {
    const assertion = client.assertion()
    const options = { address: addressOf(n) }
    // In any order; and now and then twice at one node too, so that the same is in one batch.
    const nodes = n % 2 ? [first, second] : [second, first]
    const asked = n % 10 ? nodes : [...nodes, ...nodes]
    const answers = await Promise.all(asked.map((node) => askWith(node, assertion, {}, options)))
    return answers.map(({ statusCode }) => statusCode).sort()
  }
  for (let n = 0; n < TIMES; n += AT_ONCE) {
    const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => statuses(n + i)))
    for (const outcome of outcomes) {
      const [token, ...refused] = outcome
      if (token !== 200 || !refused.every((status) => status === 401)) t.same(outcome, [200, 401])
    }
  }
  const [{ n }] = await query(first, 'select count(*)::int as n from used_assertions')
  t.equal(n, TIMES)
})

t.test('an id counts once in its realm and account, however it is signed', async (t) => {
  const { first, second, client } = await twoNodes(t)
  await first.operations.realms.create(TESTER, 'other')
  const neighbour = await keyClient(first, { name: 'neighbour' })
  t.equal((await askWith(first, client.assertion({ jti: 'one' }))).statusCode, 200)
  t.equal((await askWith(second, client.assertion({ jti: 'one', exp: undefined }))).statusCode, 401)
  t.equal((await askWith(second, client.assertion({ jti: 'one' }, { typ: 'JWT' }))).statusCode, 401)
  t.match(JSON.parse(second.log.at(-1) as string).reason, /client assertion, used/)
  t.equal((await askWith(second, neighbour.assertion({ jti: 'one' }))).statusCode, 200)
  t.equal((await askWith(second, client.assertion({ jti: 'One' }))).statusCode, 200)
})

t.test('a use is remembered for five minutes after the end, then it is deleted', async (t) => {
  const { first, client, clock } = await twoNodes(t)
  const now = Math.floor(clock.now.getTime() / 1000)
  const assertion = client.assertion({ exp: now + 330 })
  t.equal((await askWith(first, assertion)).statusCode, 200)
  const count = async () => (await query(first, 'select count(*)::int as n from used_assertions'))[0].n
  clock.advance(330)
  t.equal((await askWith(first, assertion)).statusCode, 401)
  clock.advance(299)
  await first.operations.expiry.deleteExpired()
  t.equal(await count(), 1)
  clock.advance(2)
  await first.operations.expiry.deleteExpired()
  t.equal(await count(), 0)
})

t.test('expired uses are deleted by the thousand, and the job goes on while there are more', async (t) => {
  const { first } = await twoNodes(t)
  await query(
    first,
    "insert into used_assertions select sha256(n::text::bytea), now() - interval '1 hour' from generate_series(1, 12345) n",
  )
  t.equal(await first.operations.expiry.deleteExpired(), true)
  t.same(await query(first, 'select count(*)::int as n from used_assertions'), [{ n: 2345 }])
  t.equal(await first.operations.expiry.deleteExpired(), false)
  t.same(await query(first, 'select * from used_assertions'), [])
})

t.test('a use is stored as a hash alone', async (t) => {
  const { first, client } = await twoNodes(t)
  await askWith(first, client.assertion({ jti: 'a very special id' }))
  const [row, ...others] = await query(first, 'select * from used_assertions')
  t.same(others, [])
  t.equal(row.hash.length, 32)
  t.notMatch(JSON.stringify(row), /special/)
})

t.test('a key that is deleted is refused by the next request at another node, under load', async (t) => {
  const { first, second, client } = await twoNodes(t)
  const steady = await keyClient(first, { name: 'steady' })
  let loading = true
  const load = async (n: number) => {
    for (let i = 0; loading; i++) {
      const answer = await askWith(second, steady.assertion(), {}, { address: addressOf(n) })
      if (answer.statusCode !== 200) t.fail(`request ${i} of the load was ${answer.statusCode}`)
    }
  }
  const lanes = Array.from({ length: 16 }, (_, n) => load(n))
  // Under this load to connect takes longer than all else.
  const rows = new pg.Client(first.databaseUrl)
  await rows.connect()
  for (let round = 0; round < 20; round++) {
    const ask = async () =>
      (await askWith(second, client.assertion(), {}, { address: addressOf(1000 + round) })).statusCode
    t.equal(await ask(), 200)
    const deleted = await rows.query('delete from client_keys where kid = $1 returning *', [client.kid])
    t.equal(await ask(), 401)
    await rows.query(
      'insert into client_keys select (jsonb_populate_record(null::client_keys, $1)).*',
      deleted.rows,
    )
  }
  loading = false
  await Promise.all(lanes)
  await rows.end()
})

t.test('an assertion is answered 503 while its use cannot be stored, and secrets go on', async (t) => {
  const { first, client } = await twoNodes(t)
  const { account, clientSecret } = await first.operations.accounts.create(TESTER, 'acme', { name: 'S' })
  const bySecret = () =>
    first.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
    })
  await query(first, 'alter table used_assertions rename to moved')
  for (const endpoint of ['token', 'token/introspect', 'revoke']) {
    const answer = await askWith(first, client.assertion(), { token: 'x' }, { endpoint })
    t.equal(answer.statusCode, 503, endpoint)
    t.match(answer.json(), { error: 'temporarily_unavailable' })
    t.ok(answer.headers['retry-after'])
  }
  t.equal((await bySecret()).statusCode, 200)
  await query(first, 'alter table moved rename to used_assertions')
  t.equal((await askWith(first, client.assertion())).statusCode, 200)
  const letIn = await first.cutDatabase()
  t.equal((await askWith(first, client.assertion())).statusCode, 503)
  await letIn()
})

t.test('a database that takes no writes answers assertions 503 and secrets 200', async (t) => {
  const database = await ownPostgres(t)
  await migrateToLatest(database.databaseUrl)
  const { first, client } = await twoNodes(t, { databaseUrl: database.databaseUrl })
  t.equal((await askWith(first, client.assertion())).statusCode, 200)
  await database.query('alter system set default_transaction_read_only = on')
  await database.query('select pg_reload_conf()')
  let status = 200
  while (status === 200) status = (await askWith(first, client.assertion())).statusCode
  t.equal(status, 503)
})

t.test('an assertion that got a token is refused after kill -9 of PostgreSQL', async (t) => {
  const database = await ownPostgres(t)
  await migrateToLatest(database.databaseUrl)
  const { first, second, client } = await twoNodes(t, { databaseUrl: database.databaseUrl })
  const claims = () => assertionClaims(client.clientId, ISSUER, new Date(first.clock.now.getTime() + 200_000))
  for (let round = 0; round < 5; round++) {
    const assertions = Array.from({ length: 40 }, () =>
      signAssertion(client.pair, { alg: 'ES256', kid: client.kid }, { ...claims(), iat: undefined }),
    )
    const acknowledged: string[] = []
    const asked = assertions.map(async (assertion, n) => {
      const { statusCode } = await askWith(first, assertion, {}, { address: addressOf(n) })
      if (statusCode === 200) acknowledged.push(assertion)
      // At the moment of an acknowledgement, while others are under way.
      if (acknowledged.length === 10) await database.signal('SIGKILL')
    })
    await Promise.all(asked)
    t.ok(acknowledged.length >= 10, `${acknowledged.length} acknowledged`)
    await database.start()
    for (const node of [first, second]) {
      // Connections that broke are replaced.
      while ((await askWith(node, client.assertion())).statusCode !== 200);
      for (const [n, assertion] of acknowledged.entries())
        t.equal((await askWith(node, assertion, {}, { address: addressOf(n) })).statusCode, 401)
    }
  }
})
