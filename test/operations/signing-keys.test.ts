import { createLocalJWKSet, jwtVerify } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { isDatabaseAway } from '../../src/storage/database-error.ts'
import { tokenFor } from '../support/admin.ts'
import { untilLocked } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

const CERTS = '/realms/acme/protocol/openid-connect/certs'
const DAY = 86_400

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const states = async () =>
    (await server.operations.signingKeys.list(TESTER, 'acme')).map(({ state }) => state).sort()
  return { ...server, states }
}

t.test(
  'a retired key is published until the last token it can have signed has expired, and then gone',
  async (t) => {
    const server = await acme(t)
    const { app, operations, clock, states } = server
    await operations.realms.update(TESTER, 'acme', { tokenLifetimeSeconds: 3600 })
    const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    await operations.signingKeys.rotate(TESTER, 'acme')
    clock.advance(425)
    // The last moment of the old key.
    const token = await tokenFor(server, 'acme', account.clientId, clientSecret)
    await operations.signingKeys.rotateDue()
    t.same(await states(), ['current', 'retired'])

    clock.advance(3599)
    await operations.signingKeys.rotateDue()
    const keys = createLocalJWKSet((await app.inject(CERTS)).json())
    await jwtVerify(token, keys, { currentDate: clock.now })

    clock.advance(301)
    await operations.signingKeys.rotateDue()
    t.same(await states(), ['current'])
    t.equal((await app.inject(CERTS)).json().keys.length, 1)
  },
)

t.test('a realm whose keys cannot be rotated holds up no other realm', async (t) => {
  const { databaseUrl, operations, clock, states } = await acme(t)
  clock.advance(1)
  await operations.realms.create(TESTER, 'beta')
  const statesOfBeta = async () =>
    (await operations.signingKeys.list(TESTER, 'beta')).map(({ state }) => state).sort()
  clock.advance(89 * DAY)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query("begin; select from realms where name = 'acme' for update")

  const rotating = operations.signingKeys.rotateDue().catch((error: unknown) => error)
  const [waiting] = await untilLocked(databaseUrl, 1)
  await client.query('select pg_terminate_backend($1)', [waiting])
  t.ok(isDatabaseAway(await rotating), 'without a database it stops')
  t.same(await statesOfBeta(), ['current'])

  const error = await operations.signingKeys.rotateDue().catch((reason: unknown) => reason)
  t.match(error, { message: 'No step was taken in acme.', errors: [{ code: '57014' }] })
  t.same(await statesOfBeta(), ['current', 'next'])
  await client.query('rollback')
  await operations.signingKeys.rotateDue()
  t.same(await states(), ['current', 'next'])
})

t.test('of several nodes that rotate at once, one makes the next key and one promotes it', async (t) => {
  const { databaseUrl, operations, clock, states } = await acme(t)
  const others = await Promise.all([1, 2].map(() => testServer(t, { databaseUrl, clock })))
  const all = [operations, ...others.map((other) => other.operations)]
  const look = () => Promise.all(all.map((one) => one.signingKeys.rotateDue()))
  clock.advance(89 * DAY)
  await look()
  t.same(await states(), ['current', 'next'])
  clock.advance(DAY)
  await look()
  t.same(await states(), ['current', 'retired'])
  const { items } = await operations.audit.list(TESTER, 'acme', { limit: 50 })
  t.same(
    items.map(({ action }) => action).filter((action) => action.startsWith('key.')),
    ['key.promote-next', 'key.create-next'],
  )
})

t.test('rotating again while a key waits returns that key', async (t) => {
  const { operations, clock, states } = await acme(t)
  clock.advance(89 * DAY)
  await operations.signingKeys.rotateDue()
  const [first, second] = await Promise.all([
    operations.signingKeys.rotate(TESTER, 'acme'),
    operations.signingKeys.rotate(TESTER, 'acme'),
  ])
  t.equal(first.kid, second.kid)
  t.same(first.activatesAt, new Date(clock.now.getTime() + 425_000), 'sooner than it was to sign')
  t.same(await states(), ['current', 'next'])
})

t.test('a key that waits is replaced when the realm wants another algorithm', async (t) => {
  const { operations } = await acme(t)
  for (const algorithm of ['EdDSA', 'PS256'] as const) {
    await operations.realms.update(TESTER, 'acme', { algorithm })
    await operations.signingKeys.rotateDue()
    const next = (await operations.signingKeys.list(TESTER, 'acme')).filter(({ state }) => state === 'next')
    t.match(next, [{ algorithm }])
  }
  await operations.realms.update(TESTER, 'acme', { algorithm: 'RS256' })
  t.match(await operations.signingKeys.rotate(TESTER, 'acme'), { algorithm: 'RS256', state: 'next' })
})

t.test('a late key rotation makes no node unready, and the metrics tell it', async (t) => {
  const { app, operations, clock } = await acme(t)
  const readiness = async () => (await app.inject('/health/ready')).statusCode
  const next = async () =>
    /^mintmark_next_rotation_seconds (.*)$/m.exec((await app.inject('/metrics')).body)?.[1]
  clock.advance(89 * DAY + 3600)
  t.equal(await readiness(), 200)
  t.equal(await next(), '-3600')
  await operations.signingKeys.rotateDue()
  t.equal(await readiness(), 200)
})
