import { hash } from '@node-rs/argon2'
import pg from 'pg'
import t, { type Test } from 'tap'
import { generateClientSecret } from '../../src/crypto/client-secret.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

const SECRET = 'password'
const DAY = 86_400

/** A database that the version before left: an account with an imported secret, and a roll-out that goes on for a day. */
async function upgraded(t: Test) {
  const databaseUrl = await testDatabase(t)
  const first = await testServer(t, { databaseUrl })
  await first.operations.realms.create(TESTER, 'acme')
  const imported = { clientId: 'legacy', clientSecret: 'correct horse battery' }
  await first.operations.accounts.create(TESTER, 'acme', { name: 'legacy', imported })
  const database = new pg.Client(databaseUrl)
  await database.connect()
  t.teardown(() => database.end())
  await database.query('update client_secrets set phc = $1, keyed_phc = null', [await hash(SECRET)])
  const clock = testClock()
  await database.query("insert into upgrades values ('keyed-hashes', $1)", [
    new Date(clock.now.getTime() + DAY * 1000),
  ])
  const { operations } = await testServer(t, { databaseUrl, clock })
  const stored = async (clientId: string) => {
    const { rows } = await database.query('select phc, keyed_phc from client_secrets where client_id = $1', [
      clientId,
    ])
    return rows[0] as { phc: string; keyed_phc: string | null }
  }
  const isGood = (clientSecret: string, address = '192.0.2.1') =>
    operations.clients.authenticate('acme', { clientId: 'legacy', clientSecret }, address).then(
      () => true,
      () => false,
    )
  return { operations, database, databaseUrl, clock, stored, isGood }
}

t.test(
  'while the version before runs beside, it can read what is stored of an imported secret',
  async (t) => {
    const { operations, stored, isGood } = await upgraded(t)
    const imported = { clientId: 'new', clientSecret: 'correct horse battery' }
    await operations.accounts.create(TESTER, 'acme', { name: 'new', imported })
    t.match(await stored('new'), { phc: /^\$argon2id\$/, keyed_phc: /^[0-9a-f]{2}\$argon2id\$/ })
    t.ok(await isGood(SECRET))
    await operations.expiry.deleteExpired()
    t.match(await stored('legacy'), { phc: /^\$argon2id\$/ })
  },
)

t.test('a secret from before gets the form of today at its next use, and stays good', async (t) => {
  const { stored, isGood } = await upgraded(t)
  t.notOk(await isGood('wrong'))
  t.equal((await stored('legacy')).keyed_phc, null)
  t.same(await Promise.all(Array.from({ length: 8 }, () => isGood(SECRET))), new Array(8).fill(true))
  for (;;) if ((await stored('legacy')).keyed_phc !== null) break
  t.match(await stored('legacy'), { keyed_phc: /^[0-9a-f]{2}\$argon2id\$/ })
  t.ok(await isGood(SECRET))
  t.notOk(await isGood('wrong'))
})

t.test(
  'once the version before is gone no plain hash is left, also of a secret that nobody uses',
  async (t) => {
    const { operations, clock, stored, isGood, database, databaseUrl } = await upgraded(t)
    clock.advance(DAY + 60)
    await operations.expiry.deleteExpired()
    t.match(await stored('legacy'), { phc: '', keyed_phc: /^--\$argon2id\$/ })
    t.same((await database.query('select from upgrades')).rowCount, 0)
    t.notOk(await isGood('wrong'))
    t.ok(await isGood(SECRET))
    for (;;) if (!(await stored('legacy')).keyed_phc?.startsWith('--')) break
    t.ok(await isGood(SECRET))
    const restarted = await testServer(t, { databaseUrl, clock })
    const credentials = { clientId: 'legacy', clientSecret: SECRET }
    t.ok(await restarted.operations.clients.authenticate('acme', credentials, '192.0.2.1'))
  },
)

/** An account whose generated secret the version before made. */
async function oldGenerated({ operations, database }: Awaited<ReturnType<typeof upgraded>>) {
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'old' })
  const { clientId } = account
  await database.query('update client_secrets set bound_hmac = null where client_id = $1', [clientId])
  const bound = async () => {
    const query = 'select bound_hmac from client_secrets where client_id = $1'
    return (await database.query(query, [clientId])).rows[0]?.bound_hmac as Buffer | null
  }
  return { credentials: { clientId, clientSecret }, bound }
}

t.test('a generated secret from before is bound to its account at its first use', async (t) => {
  const before = await upgraded(t)
  const { operations } = before
  const { credentials, bound } = await oldGenerated(before)
  const other = generateClientSecret()
  await t.rejects(
    operations.clients.authenticate('acme', { ...credentials, clientSecret: other }, '192.0.2.1'),
  )
  t.equal(await bound(), null)
  t.ok(await operations.clients.authenticate('acme', credentials, '192.0.2.1'))
  for (;;) if ((await bound()) !== null) break
  t.equal((await bound())?.length, 32)
  t.ok(await operations.clients.authenticate('acme', credentials, '192.0.2.1'))
  await operations.secrets.reset(TESTER, 'acme', credentials.clientId)
  await t.rejects(operations.clients.authenticate('acme', credentials, '192.0.2.1'), {
    code: 'invalid_client',
  })
})

t.test('a generated secret from before that nobody used in the roll-out stays good after it', async (t) => {
  const before = await upgraded(t)
  const { operations, clock, databaseUrl, database } = before
  const { credentials, bound } = await oldGenerated(before)
  const victim = await operations.accounts.create(TESTER, 'acme', { name: 'victim' })
  clock.advance(DAY + 60)
  await operations.expiry.deleteExpired()
  t.equal((await bound())?.length, 33)
  await database.query(
    `update client_secrets v set hmac = o.hmac, bound_hmac = o.bound_hmac from client_secrets o
     where o.client_id = $1 and v.client_id = $2`,
    [credentials.clientId, victim.account.clientId],
  )
  const { operations: restarted } = await testServer(t, { databaseUrl, clock })
  const moved = { ...credentials, clientId: victim.account.clientId }
  await t.rejects(restarted.clients.authenticate('acme', moved, '192.0.2.1'), { code: 'invalid_client' })
  const wrong = { ...credentials, clientSecret: generateClientSecret() }
  await t.rejects(restarted.clients.authenticate('acme', wrong, '192.0.2.1'), { code: 'invalid_client' })
  t.ok(await restarted.clients.authenticate('acme', credentials, '192.0.2.1'))
  for (;;) if ((await bound())?.length === 32) break
  t.ok(await restarted.clients.authenticate('acme', credentials, '192.0.2.1'))
})

t.test('a hash whose binding was taken away is refused after the roll-out', async (t) => {
  const before = await upgraded(t)
  const { operations, clock, database, databaseUrl, isGood } = before
  const { credentials } = await oldGenerated(before)
  clock.advance(DAY + 60)
  await operations.expiry.deleteExpired()
  await database.query(`update client_secrets set bound_hmac = null where hmac is not null`)
  await database.query(
    `update client_secrets set keyed_phc = null, phc = $1, hmac = null where client_id = 'legacy'`,
    [await hash(SECRET)],
  )
  const authenticate = (server: typeof operations) =>
    server.clients.authenticate('acme', credentials, '192.0.2.1')
  await t.rejects(authenticate(operations), { code: 'invalid_client' })
  t.notOk(await isGood(SECRET))
  const restarted = await testServer(t, { databaseUrl, clock })
  await t.rejects(authenticate(restarted.operations), { code: 'invalid_client' })
  const legacy = { clientId: 'legacy', clientSecret: SECRET }
  await t.rejects(restarted.operations.clients.authenticate('acme', legacy, '192.0.2.2'), {
    code: 'invalid_client',
  })
})

t.test('a hash of another length in the database is a wrong one', async (t) => {
  const before = await upgraded(t)
  const { credentials } = await oldGenerated(before)
  for (const bytes of ['\\x', '\\x00', `\\x${'00'.repeat(40)}`]) {
    await before.database.query('update client_secrets set bound_hmac = $1', [bytes])
    await t.rejects(before.operations.clients.authenticate('acme', credentials, '192.0.2.1'), {
      code: 'invalid_client',
    })
  }
})
