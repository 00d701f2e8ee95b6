import { hash } from '@node-rs/argon2'
import pg from 'pg'
import t, { type Test } from 'tap'
import { hmacOf } from '../../src/crypto/client-secret.ts'
import { createSealer } from '../../src/crypto/sealing.ts'
import { openVerifierKey } from '../../src/operations/realms/master-key.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { testDatabase } from '../support/postgres.ts'
import { MASTER_KEY, TESTER, testClock, testServer } from '../support/server.ts'

const SECRET = 'password'
const DAY = 86_400

/** A database that the version before left: an account with an imported secret, and a roll-out that goes on for a day. */
async function upgraded(t: Test) {
  const databaseUrl = await testDatabase(t)
  const first = await testServer(t, { databaseUrl })
  await first.operations.createRealm(TESTER, 'acme')
  const imported = { clientId: 'legacy', clientSecret: 'correct horse battery' }
  await first.operations.createServiceAccount(TESTER, 'acme', { name: 'legacy', imported })
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
    operations.authenticateClient('acme', { clientId: 'legacy', clientSecret }, address).then(
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
    await operations.createServiceAccount(TESTER, 'acme', { name: 'new', imported })
    t.match(await stored('new'), { phc: /^\$argon2id\$/, keyed_phc: /^[0-9a-f]{2}\$argon2id\$/ })
    t.ok(await isGood(SECRET))
    await operations.deleteWhatHasExpired()
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
    await operations.deleteWhatHasExpired()
    t.match(await stored('legacy'), { phc: '', keyed_phc: /^--\$argon2id\$/ })
    t.same((await database.query('select from upgrades')).rowCount, 0)
    t.notOk(await isGood('wrong'))
    t.ok(await isGood(SECRET))
    for (;;) if (!(await stored('legacy')).keyed_phc?.startsWith('--')) break
    t.ok(await isGood(SECRET))
    const restarted = await testServer(t, { databaseUrl, clock })
    const credentials = { clientId: 'legacy', clientSecret: SECRET }
    t.ok(await restarted.operations.authenticateClient('acme', credentials, '192.0.2.1'))
  },
)

t.test('a secret that was made before hashes were bound is good until it is reset', async (t) => {
  const { operations, database, databaseUrl } = await upgraded(t)
  const { account, clientSecret } = await operations.createServiceAccount(TESTER, 'acme', { name: 'old' })
  const db = openDatabase({ connectionString: databaseUrl, poolSize: 1, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const sealer = createSealer([Buffer.from(MASTER_KEY, 'base64url')], { opensUnbound: true })
  const key = await openVerifierKey(db, sealer, () => new Date())
  await database.query('update client_secrets set bound_hmac = null, hmac = $1 where client_id = $2', [
    hmacOf(clientSecret, key),
    account.clientId,
  ])
  const credentials = { clientId: account.clientId, clientSecret }
  t.ok(await operations.authenticateClient('acme', credentials, '192.0.2.1'))
  await operations.resetClientSecret(TESTER, 'acme', account.clientId)
  await t.rejects(operations.authenticateClient('acme', credentials, '192.0.2.1'), { code: 'invalid_client' })
})
