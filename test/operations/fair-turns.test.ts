import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createJobLog } from '../../src/server/jobs/job-log.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { inRealmTransaction } from '../../src/storage/realm-transactions.ts'
import { lockRealmByName, shareRealmByName } from '../../src/storage/realms.ts'
import { untilLocked } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

async function connect(t: Test, databaseUrl: string) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

t.test('an exclusive waiter comes before later shared ones', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  // A pool for each, as nodes have.
  const nodes = [1, 2, 3].map(() =>
    openDatabase({ connectionString: databaseUrl, poolSize: 2, onIdleError: () => {} }),
  ) as [ReturnType<typeof openDatabase>, ReturnType<typeof openDatabase>, ReturnType<typeof openDatabase>]
  t.teardown(() => Promise.all(nodes.map((db) => db.destroy())))
  const order: string[] = []
  const later = (n: 1 | 2, name: string, hold: typeof shareRealmByName) =>
    inRealmTransaction(nodes[n], 'acme', async (trx) => {
      await hold(trx, 'acme')
      order.push(name)
    })
  let waiting: Promise<void>[] = []
  await inRealmTransaction(nodes[0], 'acme', async (trx) => {
    await shareRealmByName(trx, 'acme')
    waiting = [later(1, 'alone', lockRealmByName)]
    await untilLocked(databaseUrl, 1)
    waiting.push(later(2, 'later', shareRealmByName))
    await untilLocked(databaseUrl, 2)
  })
  await Promise.all(waiting)
  t.same(order, ['alone', 'later'])
})

t.test('changes of one realm leave connections to the others', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.create(TESTER, 'beta')
  const client = await connect(t, databaseUrl)
  await client.query(`begin; select from realms where name = 'acme' for update`)
  const stuck = Array.from({ length: 20 }, (_, n) =>
    operations.accounts.create(TESTER, 'acme', { name: `n${n}` }),
  )
  const settled = Promise.allSettled(stuck)
  await untilLocked(databaseUrl, 2)
  await operations.accounts.create(TESTER, 'beta', { name: 'CI' })
  await client.query('rollback')
  t.ok((await settled).some(({ status }) => status === 'fulfilled'))
})

t.test('realms whose rotation fails keep no other from its turn, and are logged once', async (t) => {
  const server = await testServer(t)
  const { operations, clock, databaseUrl } = server
  const client = await connect(t, databaseUrl)
  for (const name of ['stuck', 'acme']) await operations.realms.create(TESTER, name)
  // Many more than are looked at in one go, all of them due for longer than the good one.
  await client.query(`insert into realms (name, display_name, algorithm, token_lifetime_seconds, service_account_limit, scopes,
      audiences, roles, key_rotation_seconds, key_publish_seconds, jwks_max_age_seconds, created_at)
    select 'stuck-' || n, '', 'ES256', 300, 25, '{view}', '{}', '{}', 8640000, 86400, 300, now() from generate_series(1, 250) n`)
  await client.query(`create function refuse() returns trigger language plpgsql as $$ begin
    if (select name like 'stuck%' from realms where id = new.realm_id) then raise exception 'refused'; end if;
    return new; end $$`)
  await client.query(
    'create trigger refuse before insert on signing_keys for each row execute function refuse()',
  )
  clock.advance(89 * 86_400)
  const look = () => operations.signingKeys.rotateDue().catch((error: unknown) => error)
  const states = async () =>
    (await operations.signingKeys.list(TESTER, 'acme')).map(({ state }) => state).sort()
  let rounds = 0
  for (; rounds < 4 && (await states()).length === 1; rounds++) await look()
  t.same(await states(), ['current', 'next'], `after ${rounds} rounds`)

  await client.query('drop trigger refuse on signing_keys')
  for (rounds = 0; rounds < 20; rounds++) {
    clock.advance(300)
    await look()
  }
  const { rows } = await client.query(`select count(distinct realm_id)::int as n from signing_keys`)
  t.equal(rows[0].n, 252, 'they work again by themselves')
})

t.test('a realm whose keys cannot be read keeps no other from its turn', async (t) => {
  const { operations, clock, databaseUrl } = await testServer(t)
  for (const name of ['broken', 'acme']) await operations.realms.create(TESTER, name)
  const client = await connect(t, databaseUrl)
  // PostgreSQL knows more years than JavaScript does.
  await client.query(`update signing_keys set published_at = '294000-01-01'
    where realm_id = (select id from realms where name = 'broken')`)
  clock.advance(89 * 86_400)
  await t.rejects(operations.signingKeys.rotateDue(), { name: 'AggregateError', message: /broken/ })
  const keys = await operations.signingKeys.list(TESTER, 'acme')
  t.same(keys.map(({ state }) => state).sort(), ['current', 'next'])
})

t.test('a database that is away is logged once, and once when it is back', async (t) => {
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
  const rotation = createJobLog(logger, 'key rotation failed')
  const expiry = createJobLog(logger, 'what has expired could not be deleted')
  const away = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  for (let i = 0; i < 3; i++) {
    rotation.failed(away)
    expiry.failed(away)
  }
  rotation.worked()
  expiry.worked()
  rotation.failed(new Error('a fault'))
  rotation.failed(new Error('a fault'))
  rotation.worked()
  t.match(lines, [
    'the database is away',
    /^the database is back after \d+ s$/,
    'key rotation failed; the server retries until it works',
    'key rotation failed; it works again',
  ])
  t.equal(lines.length, 4)
})
