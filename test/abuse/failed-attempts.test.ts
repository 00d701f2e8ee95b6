import t from 'tap'
import {
  type AttemptLimit,
  backOffSeconds,
  networkOf,
  networksOf,
  DEFAULT_FAILED_ATTEMPTS_POLICY as POLICY,
} from '../../src/domain/failed-attempts.ts'
import { createMemoryCounters } from '../../src/operations/clients/attempt-counters.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'
import {
  ATTACKER,
  acme,
  ask,
  fail,
  IMPORTED_SECRET,
  INTROSPECTION,
  OWNER,
  REVOCATION,
  statuses,
  TOKEN,
} from './attempts.ts'

t.test('a sixth failure is told to wait', async (t) => {
  const { server, clientId } = await acme(t)
  await fail(server, clientId, 4)
  t.equal((await ask(server, clientId, 'wrong')).statusCode, 401)
  const answer = await ask(server, clientId, 'wrong')
  t.equal(answer.statusCode, 429)
  t.equal(answer.headers['retry-after'], '1')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(answer.json(), {
    error: 'temporarily_unavailable',
    error_description: 'Too many failed attempts. Wait and try again.',
  })
  t.match(server.log.at(-1), /"outcome":"too_many_failures","reason":"too many failures: client \d+\/sa_/)
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

for (const store of ['memory', 'postgres'] as const)
  for (const endpoint of [TOKEN, INTROSPECTION, REVOCATION])
    t.test(`guesses sent at once to ${endpoint} are worth five, counted in ${store}`, async (t) => {
      const { server } = await acme(t, { failedAttemptsStore: store })
      const guesses = Array.from({ length: 90 }, (_, n) =>
        ask(server, 'legacy', `guess number ${n}`, ATTACKER, endpoint),
      )
      const right = ask(server, 'legacy', IMPORTED_SECRET, ATTACKER, endpoint)
      const found = await statuses(guesses)
      t.equal(found.filter((status) => status === 401).length, POLICY.perClientAndAddress)
      t.equal(found.filter((status) => status === 429).length, 90 - POLICY.perClientAndAddress)
      t.equal((await right).statusCode, 429)
      t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER, endpoint)).statusCode, 200)
    })

t.test('guesses sent at once where the client got in before are worth five', async (t) => {
  const { server } = await acme(t)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 200)
  const found = await statuses(Array.from({ length: 40 }, (_, n) => ask(server, 'legacy', `guess ${n}`)))
  t.equal(found.filter((status) => status === 401).length, POLICY.perClientAndAddress)
})

t.test('once the wait is over one guess is worked on at a time', async (t) => {
  const { server } = await acme(t)
  await fail(server, 'legacy', 5)
  server.clock.advance(1)
  const found = await statuses(Array.from({ length: 20 }, (_, n) => ask(server, 'legacy', `guess ${n}`)))
  t.equal(found.filter((status) => status === 401).length, 1)
})

for (const store of ['memory', 'postgres'] as const)
  t.test(`right secrets sent at once all get in, counted in ${store}`, async (t) => {
    const { server } = await acme(t, { failedAttemptsStore: store })
    const asked = Array.from({ length: 60 }, () => ask(server, 'legacy', IMPORTED_SECRET))
    t.same(new Set(await statuses(asked)), new Set([200]))
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

t.test('an imported secret is not compared at all while its network has to wait', async (t) => {
  const { server } = await acme(t)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
  await fail(server, 'legacy', 5)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 429)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
})

t.test('nodes that count in PostgreSQL know of failures on each other, and go on without it', async (t) => {
  const databaseUrl = await testDatabase(t)
  const options = { databaseUrl, failedAttemptsStore: 'postgres' } as const
  const { server, clientId } = await acme(t, options)
  const other = await testServer(t, { trustProxy: 1, clock: server.clock, ...options })
  await fail(server, clientId, 5)
  t.equal((await ask(other, clientId, 'wrong')).statusCode, 429)
  const restore = await other.cutDatabase()
  t.equal((await ask(other, clientId, 'wrong')).statusCode, 503)
  await restore()
  t.equal((await ask(other, clientId, 'wrong', OWNER)).statusCode, 401)
})

t.test('failures are forgotten after a while, in memory and in PostgreSQL', async (t) => {
  for (const store of ['memory', 'postgres'] as const) {
    const { server } = await acme(t, { failedAttemptsStore: store })
    await fail(server, 'legacy', 5)
    t.equal((await ask(server, 'legacy', 'wrong')).statusCode, 429)
    server.clock.advance(POLICY.windowSeconds + 1)
    await fail(server, 'legacy', 4)
    t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 200, store)
    server.clock.advance(POLICY.windowSeconds + 1)
    await server.operations.expiry.deleteExpired()
  }
})

t.test('back-off doubles with each failure, up to five minutes', async (t) => {
  t.same(
    [0, 4, 5, 6, 7, 13, 14, 5000].map((failures) => backOffSeconds(failures, 5, POLICY)),
    [0, 0, 1, 2, 4, 256, 300, 300],
  )
})

t.test('waiting attempts evict no other network from the counters', async (t) => {
  const counters = createMemoryCounters(() => new Date(0), POLICY)
  const attempts = async (count: number, limits: (n: number) => readonly AttemptLimit[]) => {
    for (let n = 0; n < count; n++) {
      const grant = await counters.reserve(limits(n))
      if (grant.outcome === 'granted') await grant.settle(true)
    }
  }
  const victim = [{ key: 'victim', limit: 1 }]
  await attempts(1, () => victim)
  await attempts(100_001, (n) => [
    { key: `client ${n}`, limit: 1 },
    { key: 'flood', limit: 10 },
  ])
  t.match(await counters.reserve(victim), { outcome: 'held' })
})

t.test('an IPv6 network has a few guesses more than one of its parts, and no more', async (t) => {
  const { server } = await acme(t)
  let guesses = 0
  for (let n = 0; n < 40; n++) {
    const address = `2001:db8:0:${(n << 8).toString(16)}::1`
    const { statusCode } = await ask(server, 'legacy', 'wrong', address)
    if (statusCode === 401) guesses++
  }
  t.equal(guesses, POLICY.perClientAndAddress * 4)
})

t.test('addresses of one IPv6 network count as one, IPv4 addresses each for itself', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:c000:201'), '192.0.2.1')
  t.equal(networkOf('64:ff9b::192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('2001:db8:0:1::1'), '2001:db8:0:1::/64')
  t.equal(networkOf('2001:0db8:0:1:ffff:1:2:3'), '2001:db8:0:1::/64')
  t.equal(networkOf('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(networkOf('::1'), '0:0:0:0::/64')
  t.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.same(networksOf('2001:db8:a:bcde::1'), [
    '2001:db8:a:bcde::/64',
    '2001:db8:a:bc00::/56',
    '2001:db8:a:0::/48',
  ])
  t.same(networksOf('192.0.2.1'), ['192.0.2.1'])
})

t.test('codes of the portal are limited by IPv6 network, not by address', async (t) => {
  const { app, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const found: number[] = []
  for (let n = 1; n <= 21; n++) {
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/portal/acme/sign-in',
      payload: 'code=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      remoteAddress: `2001:db8::${n.toString(16)}`,
    })
    found.push(statusCode)
  }
  t.same(found, [...new Array(20).fill(403), 429])
})
