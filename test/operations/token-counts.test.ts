import t, { type Test } from 'tap'
import type { TokenCount } from '../../src/domain/activity.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function setting(t: Test) {
  const server = await testServer(t)
  server.clock.now = new Date('2026-05-05T10:20:30Z')
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  return { ...server, server, clientId: account.clientId, clientSecret: clientSecret as string }
}

async function ask({ app }: Pick<TestServer, 'app'>, clientId: string, secret: string, more = '') {
  const answer = await app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: FORM,
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${secret}${more}`,
  })
  return answer.statusCode
}

const told = (counts: readonly TokenCount[]) =>
  counts.map(({ startsAt, issued, refused }) => [startsAt.toISOString(), issued, refused])

t.test('tokens and refusals are counted by hour and day, of the account and of the realm', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  t.equal(await ask(server, clientId, clientSecret), 200)
  t.equal(await ask(server, clientId, clientSecret), 200)
  t.equal(await ask(server, clientId, 'wrong'), 401)
  t.equal(await ask(server, clientId, clientSecret, '&scope=nope'), 400)
  t.same((await operations.activity.ofAccount(TESTER, 'acme', clientId)).hour, [], 'a request writes nothing')
  await operations.tokenCounts.write()
  clock.now = new Date('2026-05-05T11:00:00Z')
  t.equal(await ask(server, clientId, clientSecret), 200)
  clock.now = new Date('2026-05-06T00:10:00Z')
  t.equal(await ask(server, clientId, clientSecret), 200)
  await operations.tokenCounts.write()

  const own = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  t.same(told(own.hour), [
    ['2026-05-05T10:00:00.000Z', 2, 2],
    ['2026-05-05T11:00:00.000Z', 1, 0],
    ['2026-05-06T00:00:00.000Z', 1, 0],
  ])
  t.same(told(own.day), [
    ['2026-05-05T00:00:00.000Z', 3, 2],
    ['2026-05-06T00:00:00.000Z', 1, 0],
  ])
  const whole = await operations.activity.ofRealm(TESTER, 'acme')
  t.same(told(whole.hour), told(own.hour))
  // Ten minutes of this day, with tokens that live five: two were enough.
  t.match(whole.busiest, [{ clientId, issued: 1, refused: 0, needed: 2 }])
})

t.test(
  'a client_id that no account has is counted for the realm alone, however many there are',
  async (t) => {
    const { server, operations, clientId } = await setting(t)
    for (let n = 0; n < 12; n++) await ask(server, `sa_${n}`, 'x')
    await ask(server, `sa_${'x'.repeat(5000)}`, 'x')
    await ask(server, 'sa%00%0a', 'x')
    await operations.tokenCounts.write()
    const { hour, busiest } = await operations.activity.ofRealm(TESTER, 'acme')
    t.match(hour, [{ issued: 0, refused: 14 }])
    t.same(busiest, [])
    t.same((await operations.activity.ofAccount(TESTER, 'acme', clientId)).hour, [])
  },
)

t.test('what several nodes count at the same time adds up', async (t) => {
  const { server, operations, clientId, clientSecret, clock } = await setting(t)
  const { databaseUrl } = server
  const others = await Promise.all([1, 2].map(() => testServer(t, { databaseUrl, clock })))
  const nodes = [server, ...others]
  for (let round = 0; round < 5; round++) {
    for (const node of nodes) t.equal(await ask(node, clientId, clientSecret), 200)
    await Promise.all(nodes.map((node) => node.operations.tokenCounts.write()))
  }
  t.match((await operations.activity.ofAccount(TESTER, 'acme', clientId)).day, [{ issued: 15 }])
})

t.test('counts that cannot be written now are written later, once', async (t) => {
  const { server, operations, clientId, clientSecret } = await setting(t)
  t.equal(await ask(server, clientId, clientSecret), 200)
  const restore = await server.cutDatabase()
  await t.rejects(operations.tokenCounts.write())
  await restore()
  t.equal(await ask(server, clientId, clientSecret), 200)
  await operations.tokenCounts.write()
  t.equal(await operations.tokenCounts.write(), 0)
  t.match((await operations.activity.ofAccount(TESTER, 'acme', clientId)).hour, [{ issued: 2 }])
})

t.test('busy accounts are written once a minute', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  await operations.tokenCounts.write()
  t.equal(await ask(server, clientId, clientSecret), 200)
  clock.advance(59)
  t.equal(await operations.tokenCounts.writeDue(), 0)
  clock.advance(1)
  t.equal(await operations.tokenCounts.writeDue(), 2, 'of the account and of the realm')
})

t.test('the counts of a deleted account are gone, and one made again begins anew', async (t) => {
  const { server, operations } = await setting(t)
  const imported = { clientId: 'again', clientSecret: 'a-secret-of-another-server' }
  const make = () => operations.accounts.create(TESTER, 'acme', { name: 'again', imported })
  await make()
  t.equal(await ask(server, 'again', imported.clientSecret), 200)
  await operations.tokenCounts.write()
  t.equal(await ask(server, 'again', imported.clientSecret), 200)
  await operations.accounts.delete(TESTER, 'acme', 'again')
  await operations.tokenCounts.write()
  await make()
  t.same((await operations.activity.ofAccount(TESTER, 'acme', 'again')).day, [])
  t.match((await operations.activity.ofRealm(TESTER, 'acme')).day, [{ issued: 2 }])
})

t.test('hours are deleted after a week, days after 90, and the rest stays', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  t.equal(await ask(server, clientId, clientSecret), 200)
  await operations.tokenCounts.write()
  const found = () => operations.activity.ofAccount(TESTER, 'acme', clientId)
  clock.advance(7 * 86_400)
  await operations.expiry.deleteExpired()
  t.match(await found(), { hour: [{ issued: 1 }], day: [{ issued: 1 }] })
  clock.advance(3600)
  await operations.expiry.deleteExpired()
  t.match(await found(), { hour: [], day: [{ issued: 1 }] })
  clock.advance(84 * 86_400)
  await operations.expiry.deleteExpired()
  t.match(await found(), { hour: [], day: [] })
})

t.test('a realm in shadow mode issues nothing that counts', async (t) => {
  const { server, operations, clientId, clientSecret } = await setting(t)
  await operations.realms.update(TESTER, 'acme', { shadowMode: true })
  t.equal(await ask(server, clientId, clientSecret), 204)
  t.equal(await ask(server, clientId, 'wrong'), 204)
  t.equal(await operations.tokenCounts.write(), 0)
})
