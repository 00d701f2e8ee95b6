import { mock } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import t, { type Test } from 'tap'
import { UnknownRealmError } from '../../src/domain/oauth-error.ts'
import {
  inTransaction,
  isDatabaseAway,
  measureConnections,
  openDatabase,
  poolOf,
  reasonOf,
} from '../../src/storage/database.ts'
import { until } from '../support/embedded.ts'
import { testDatabase } from '../support/postgres.ts'

const connectionString = await testDatabase(t)

async function open(t: Test, poolSize = 3) {
  const broken: Error[] = []
  const db = openDatabase({ connectionString, poolSize, onIdleError: (error) => broken.push(error) })
  t.teardown(() => db.destroy())
  return { db, broken }
}

t.test(
  'a connection that breaks in the middle of a transaction fails the transaction and nothing else',
  async (t) => {
    const { db, broken } = await open(t)
    const transaction = inTransaction(db, async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(db)
      // Long enough for the news to come while nothing is asked.
      await new Promise((resolve) => setTimeout(resolve, 100))
      await sql`select 1`.execute(trx)
    })
    const error = await transaction.catch((reason: unknown) => reason)
    t.ok(isDatabaseAway(error), reasonOf(error))
    t.same((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }])
    t.same(broken, [])
  },
)

t.test('a node that stops in the middle of a transaction does not keep its locks', async (t) => {
  const { db, broken } = await open(t)
  await sql`create table held (n int)`.execute(db)
  await sql`insert into held values (1)`.execute(db)
  const other = new pg.Client(connectionString)
  await other.connect()
  t.teardown(() => other.end())
  // To PostgreSQL a node that is silent looks as one that was stopped does.
  const transaction = inTransaction(db, async (trx) => {
    await sql`select from held for update`.execute(trx)
    await other.query('select from held for update')
    await sql`select 1`.execute(trx)
  })
  const error = await transaction.catch((reason: unknown) => reason)
  t.ok(isDatabaseAway(error), reasonOf(error))
  t.same(broken, [])
  const setting = await sql`show idle_in_transaction_session_timeout`.execute(db)
  t.same(setting.rows, [{ idle_in_transaction_session_timeout: '0' }], 'no other transaction is bound by it')
})

t.test('a transaction is read committed whatever the default is', async (t) => {
  const { db } = await open(t, 1)
  await sql`set default_transaction_isolation = 'serializable'`.execute(db)
  const { rows } = await inTransaction(db, (trx) => sql`show transaction_isolation`.execute(trx))
  t.same(rows, [{ transaction_isolation: 'read committed' }])
})

t.test('a broken idle connection is reported and replaced', async (t) => {
  const { db, broken } = await open(t)
  await sql`select 1`.execute(db)
  const { db: other } = await open(t)
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`.execute(other)
  await until(() => broken.length > 0)
  t.equal(broken.length, 1)
  t.same((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }])
})

t.test('transactions that deadlock are run again', async (t) => {
  const { db } = await open(t)
  await sql`create table pairs (n int primary key, count int default 0)`.execute(db)
  await sql`insert into pairs (n) values (1), (2)`.execute(db)
  const add = (first: number, second: number) =>
    inTransaction(db, async (trx) => {
      await sql`update pairs set count = count + 1 where n = ${first}`.execute(trx)
      await new Promise((resolve) => setTimeout(resolve, 50))
      await sql`update pairs set count = count + 1 where n = ${second}`.execute(trx)
    })
  await sql`alter database ${sql.id(new URL(connectionString).pathname.slice(1))} set deadlock_timeout = '50ms'`.execute(
    db,
  )
  await Promise.all([add(1, 2), add(2, 1)])
  t.same((await sql`select count from pairs`.execute(db)).rows, [{ count: 2 }, { count: 2 }])
})

t.test('other errors do not count as database errors', async (t) => {
  for (const error of [
    'timeout',
    undefined,
    new Error('other'),
    new UnknownRealmError('no realm timeout'),
    Object.assign(new Error('x'), { code: 'ENOENT', path: '/migrations' }),
    Object.assign(new Error('x'), { code: '23505' }),
  ])
    t.notOk(isDatabaseAway(error))
  for (const code of ['08006', '53300', '57P01', '57014', '25006', 'ECONNREFUSED', 'ENOENT'])
    t.ok(isDatabaseAway(Object.assign(new Error('x'), { code })), code)
})

t.test('a query that is not answered in time fails once, whatever comes later', async (t) => {
  const { db } = await open(t)
  await sql`select 1`.execute(db)
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let failure: unknown
  const asked = sql`select pg_sleep(30)`.execute(db).catch((error: unknown) => {
    failure = error
  })
  await new Promise(setImmediate)
  mock.timers.tick(1499)
  await new Promise(setImmediate)
  t.equal(failure, undefined)
  mock.timers.tick(1)
  await asked
  t.match(failure, { message: 'Query read timeout' })
  mock.timers.reset()
  // With a callback too, which releases the connection.
  await t.rejects(poolOf(db).query('select pg_sleep(2)'), { message: 'Query read timeout' })
  t.same((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }])
  await t.rejects(poolOf(db).query('select nonsense'), { code: '42703' })
})

t.test(
  'a connection that did not answer in time is used no more, nor is a transaction left open',
  async (t) => {
    const { db } = await open(t, 1)
    const { db: other } = await open(t)
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
    const pid = rows[0]?.pid as number
    await sql`create table notes (n int)`.execute(other)
    process.kill(pid, 'SIGSTOP')
    try {
      const write = inTransaction(db, (trx) => sql`insert into notes values (1)`.execute(trx))
      await t.rejects(write, { message: 'Query read timeout' })
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await sql`insert into notes values (2)`.execute(db)
    t.same((await sql`select n from notes`.execute(other)).rows, [{ n: 2 }])
    t.equal(measureConnections(db).total, 1)
  },
)

t.test('PostgreSQL cancels a query that timed out', async (t) => {
  const { db } = await open(t, 1)
  const { db: other } = await open(t)
  const running = async () => {
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_sleep(30)%'`.execute(
      other,
    )
    return rows.length
  }
  await t.rejects(sql`select pg_sleep(30)`.execute(db), { message: 'Query read timeout' })
  await t.rejects(poolOf(db).query('select pg_sleep(30)'), { message: 'Query read timeout' })
  await t.rejects(sql`with a as materialized (select pg_sleep(30)) select * from a`.execute(db), {
    message: 'Query read timeout',
  })
  await until(async () => (await running()) === 0)

  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  const error = await inTransaction(db, (trx) => sql`select pg_sleep(30)`.execute(trx)).catch(
    (reason: unknown) => reason,
  )
  t.match(error, { code: '57014' })
  t.ok(isDatabaseAway(error))
  t.same((await sql`select pg_backend_pid() as pid`.execute(db)).rows, rows, 'the connection is kept')
  t.same((await sql`show statement_timeout`.execute(db)).rows, [{ statement_timeout: '0' }])
})
