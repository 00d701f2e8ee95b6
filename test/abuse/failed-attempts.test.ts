import t, { type Test } from 'tap'
import {
  backOffSeconds,
  networkOf,
  DEFAULT_FAILED_ATTEMPTS_POLICY as POLICY,
} from '../../src/domain/failed-attempts.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, type TestServer, type TestServerOptions, testServer } from '../support/server.ts'

const OWNER = '198.51.100.1'
const ATTACKER = '203.0.113.9'
const IMPORTED_SECRET = 'correct horse battery'

function ask({ app }: TestServer, clientId: string, clientSecret: string, address = ATTACKER) {
  return app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }).toString(),
  })
}

async function acme(t: Test, options: TestServerOptions = {}) {
  const server = await testServer(t, { trustProxy: 1, ...options })
  const { operations } = server
  await operations.createRealm(TESTER, 'acme')
  const generated = await operations.createServiceAccount(TESTER, 'acme', { name: 'generated' })
  await operations.createServiceAccount(TESTER, 'acme', {
    name: 'imported',
    imported: { clientId: 'legacy', clientSecret: IMPORTED_SECRET },
  })
  return { server, clientId: generated.account.clientId, clientSecret: generated.clientSecret }
}

async function fail(server: TestServer, clientId: string, times: number, address = ATTACKER): Promise<void> {
  for (let i = 0; i < times; i++) await ask(server, clientId, `wrong secret ${i}`, address)
}

t.test('after five failures whoever fails again is told to wait', async (t) => {
  const { server, clientId } = await acme(t)
  await fail(server, clientId, 4)
  t.equal((await ask(server, clientId, 'wrong')).statusCode, 401)
  const answer = await ask(server, clientId, 'wrong')
  t.equal(answer.statusCode, 429)
  t.match(answer.headers['retry-after'], /^[12]$/)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(answer.json(), {
    error: 'temporarily_unavailable',
    error_description: 'Too many failed attempts. Wait and try again.',
  })
  t.match(server.log.at(-1), /"outcome":"too_many_failures","reason":"too many failures: pair:\d+"/)
})

t.test('a client that is not there is made to wait as one that is', async (t) => {
  const { server, clientId } = await acme(t)
  await fail(server, 'sa_unknown', 5)
  await fail(server, clientId, 5, '203.0.113.10')
  const unknown = await ask(server, 'sa_unknown', 'wrong')
  const known = await ask(server, clientId, 'wrong', '203.0.113.10')
  t.equal(unknown.statusCode, 429)
  t.equal(unknown.body, known.body)
})

t.test('the right secret of the attacked client gets in, from the same address too', async (t) => {
  const { server, clientId, clientSecret } = await acme(t)
  await fail(server, clientId, 10)
  t.equal((await ask(server, clientId, 'wrong')).statusCode, 429)
  t.equal((await ask(server, clientId, clientSecret)).statusCode, 200)
})

t.test('a good client behind the address of an attacker gets in', async (t) => {
  const { server, clientId, clientSecret } = await acme(t)
  for (let i = 0; i < POLICY.perAddress; i++) await ask(server, `sa_${i}`, 'wrong')
  t.equal((await ask(server, 'sa_other', 'wrong')).statusCode, 429)
  t.equal((await ask(server, clientId, clientSecret)).statusCode, 200)
})

t.test('an imported secret is not compared at all while its address has to wait', async (t) => {
  const { server } = await acme(t)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
  await fail(server, 'legacy', 5)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 429)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
})

t.test(
  'an imported secret attacked from everywhere lets its owner in where it was used before',
  async (t) => {
    const { server } = await acme(t)
    t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
    for (let i = 0; i < POLICY.perClient; i++) await fail(server, 'legacy', 1, `203.0.113.${i}`)
    t.equal((await ask(server, 'legacy', IMPORTED_SECRET, '203.0.113.200')).statusCode, 429)
    t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
  },
)

t.test('nodes that count in PostgreSQL know of failures on each other, and go on without it', async (t) => {
  const databaseUrl = await testDatabase(t)
  const options = { databaseUrl, failedAttemptsStore: 'postgres' } as const
  const { server, clientId } = await acme(t, options)
  const other = await testServer(t, { trustProxy: 1, ...options })
  await fail(server, clientId, 5)
  t.equal((await ask(other, clientId, 'wrong')).statusCode, 429)
  const restore = await other.cutDatabase()
  t.equal((await ask(other, clientId, 'wrong')).statusCode, 503)
  await restore()
  t.equal((await ask(other, clientId, 'wrong', OWNER)).statusCode, 401)
})

t.test('back-off doubles with each failure, up to five minutes', async (t) => {
  t.same(
    [0, 4, 5, 6, 7, 13, 14, 5000].map((failures) => backOffSeconds(failures, 5, POLICY)),
    [0, 0, 1, 2, 4, 256, 300, 300],
  )
})

t.test('addresses of one IPv6 network count as one, IPv4 addresses each for itself', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('2001:db8:0:1::1'), '2001:db8:0:1::/64')
  t.equal(networkOf('2001:0db8:0:1:ffff:1:2:3'), '2001:db8:0:1::/64')
  t.equal(networkOf('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(networkOf('::1'), '0:0:0:0::/64')
})
