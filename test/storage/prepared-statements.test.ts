import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, isDatabaseAway, openDatabase } from '../../src/storage/database.ts'
import { preparedStatement } from '../../src/storage/prepared-statements.ts'
import { insertUsedAssertions, type UsedAssertion as Use } from '../../src/storage/used-assertions.ts'
import { testDatabase } from '../support/postgres.ts'

const MINUTE = 60_000

const readNumbers = preparedStatement<{ n: number }>(
  'test_numbers',
  'select n::int as n from unnest((select $1::int[])) as l(n)',
)

const readThings = preparedStatement<{ id: unknown }>(
  'test_things',
  'select id from things where id::text = $1',
)

async function onePool(t: Test, connectionString: string): Promise<Database> {
  const db = openDatabase({ connectionString, poolSize: 1, prepares: true, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  return db
}

interface Held {
  readonly name: string
  readonly generic_plans: string
}

async function held(db: Database): Promise<readonly Held[]> {
  const { rows } = await sql<Held>`select name, generic_plans from pg_prepared_statements`.execute(db)
  return rows
}

const isRight = async (t: Test, db: Database) => t.same(await readNumbers(db, [[3, 5]]), [{ n: 3 }, { n: 5 }])

t.test('a read is prepared once, and its plan kept whatever the number of look-ups', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  t.intercept(performance, 'now', { value: () => MINUTE })
  for (let n = 1; n <= 20; n++)
    t.equal((await readNumbers(db, [Array.from({ length: n }, (_, i) => i)])).length, n)
  const [statement, ...others] = await held(db)
  t.match(statement, { name: /^test_numbers_\d+$/ })
  t.ok(Number(statement?.generic_plans) > 10, `${statement?.generic_plans} of the plan kept`)
  t.same(others, [])
})

t.test('a read is planned anew each minute, and the old plan dropped', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  await isRight(t, db)
  const [before] = await held(db)
  const now = performance.now.bind(performance)
  t.intercept(performance, 'now', { value: () => now() + MINUTE })
  await isRight(t, db)
  const after = await held(db)
  t.equal(after.length, 1)
  t.not(after[0]?.name, before?.name)
})

t.test('a read whose plan a backend does not know is sent without a name from then on', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  await isRight(t, db)
  await sql`deallocate all`.execute(db)
  await isRight(t, db)
  await isRight(t, db)
  t.same(await held(db), [])
})

t.test('a read whose name is taken is sent without a name from then on', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  const minute = Math.floor(performance.now() / MINUTE)
  for (const name of [minute, minute + 1])
    await sql`prepare ${sql.id(`test_numbers_${name}`)} as select 1`.execute(db)
  await isRight(t, db)
  t.equal((await held(db)).length, 2)
})

t.test('a read whose columns a migration changed is planned anew', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  await sql`create table things (id int)`.execute(db)
  await sql`insert into things values (7)`.execute(db)
  t.same(await readThings(db, ['7']), [{ id: 7 }])
  await sql`alter table things alter column id type text`.execute(db)
  t.same(await readThings(db, ['7']), [{ id: '7' }])
  t.same(await readThings(db, ['7']), [{ id: '7' }])
  t.equal((await held(db)).length, 1)
})

t.test('a fault of a read is no fault of its name', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  await t.rejects(readNumbers(db, [['no number']]), { code: '22P02' })
  await isRight(t, db)
  t.equal((await held(db)).length, 1)
})

t.test('nothing is prepared through a pooler, which tells another process id', async (t) => {
  const db = await onePool(t, await throughPooler(t, await testDatabase(t)))
  await isRight(t, db)
  await isRight(t, db)
  t.same(await held(db), [])
})

t.test('a connection that breaks while it is opened fails only its read', async (t) => {
  let breaks = true
  const isFirst = (data: Buffer) => breaks && data.includes('pg_backend_pid')
  const db = await onePool(t, await throughPooler(t, await testDatabase(t), isFirst))
  for (let n = 0; n < 3; n++) {
    const error = await readNumbers(db, [[1]]).catch((reason: unknown) => reason)
    t.ok(isDatabaseAway(error), `${error}`)
  }
  breaks = false
  await isRight(t, db)
})

t.test('a use that is recorded under a name that the backend does not know is recorded once', async (t) => {
  const db = await onePool(t, await testDatabase(t))
  const expiresAt = new Date()
  const [one, two] = ['1', '2'].map((text) => ({ hash: Buffer.alloc(32, text), expiresAt })) as [Use, Use]
  t.same(await insertUsedAssertions(db, [one, one]), [true, false])
  t.match(await held(db), [{ name: /^mintmark_used_assertions_\d+$/ }])
  await sql`deallocate all`.execute(db)
  t.same(await insertUsedAssertions(db, [two, one, two]), [true, false, false])
  t.same(await held(db), [])
})

t.test('a pool that prepares nothing keeps no plan', async (t) => {
  const connectionString = await testDatabase(t)
  const db = openDatabase({ connectionString, poolSize: 1, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  await isRight(t, db)
  t.same(await held(db), [])
})

/**
 * Changes the process id that PostgreSQL tells, as PgBouncer does.
 * @param breaksAt resets a connection instead of sending this
 */
async function throughPooler(
  t: Test,
  databaseUrl: string,
  breaksAt: (data: Buffer) => boolean = () => false,
): Promise<string> {
  const target = new URL(databaseUrl)
  const socket = target.searchParams.get('host')
  const port = target.port || target.searchParams.get('port') || '5432'
  const server = createServer((client) => {
    const backend = socket ? connect(`${socket}/.s.PGSQL.${port}`) : connect(Number(port), target.hostname)
    client.on('data', (data) => (breaksAt(data) ? client.resetAndDestroy() : backend.write(data)))
    backend.on('data', (data) => client.write(withOtherProcess(data)))
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  for (const name of ['host', 'port']) target.searchParams.delete(name)
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return target.href
}

/** BackendKeyData: 'K', a length of 12, the process id, a key. */
function withOtherProcess(data: Buffer): Buffer {
  const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]))
  if (at < 0) return data
  const changed = Buffer.from(data)
  changed.writeInt32BE(changed.readInt32BE(at + 5) + 1, at + 5)
  return changed
}
