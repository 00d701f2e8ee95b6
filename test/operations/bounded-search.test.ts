import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { searchBounded } from '../../src/operations/bounded-search.ts'
import { searchServiceAccounts } from '../../src/storage/account-search.ts'
import { executeCancellable } from '../../src/storage/cancellable-query.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { adminToken, asking } from '../support/admin.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const server = await testServer(t)
const { operations, app, databaseUrl } = server
await operations.realms.create(TESTER, 'acme')
const { token } = await adminToken(server, 'acme', ['account-admin'])
const ask = asking(server, token)
const client = new pg.Client(databaseUrl)
await client.connect()
t.teardown(() => client.end())
const realmId = (await client.query("select id from realms where name = 'acme'")).rows[0].id as string
const db = openDatabase({
  connectionString: databaseUrl,
  poolSize: 1,
  onIdleError: () => {},
  onFault: (error) => faults.push(error.message),
})
t.teardown(() => db.destroy())
const faults: string[] = []

await client.query(
  `insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
   select $1, 'c' || i, 'n' || 10000 + i, 'n' || 10000 + i, '{}', 10000000 + i, '2020-01-01', '2020-01-01'
   from generate_series(1, 12000) i`,
  [realmId],
)
await client.query(
  `insert into last_uses select realm_id, client_id, 's', now(), '', '' from service_accounts
   where client_id like 'c%' and client_id <> 'c11999'`,
)
await client.query(
  `insert into protected_resources select $1, 'device', 'd' || 100000 + i, 'x', 'x d' || 100000 + i, now(), now()
   from generate_series(1, 45000) i`,
  [realmId],
)

/** All that is found, page by page to the end. */
async function all(path: string) {
  const found: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await ask('GET', `${path}&limit=10${cursor && `&cursor=${cursor}`}`)
    t.equal(status, 200)
    t.ok(body.items.length <= 10)
    found.push(...body.items.map((item: { client_id?: string; id?: string }) => item.client_id ?? item.id))
    cursor = body.next_cursor
  }
  return { found }
}

t.test(
  'a search of a large realm reads a bounded number of rows for a page, and comes to its end',
  async (t) => {
    t.same((await all('/admin/realms/acme/resources?search=D145000')).found, ['d145000'])
    t.same(
      (await all('/admin/realms/acme/resources?search=d11900')).found,
      Array.from({ length: 10 }, (_, n) => `d11900${n}`),
    )
    t.same((await all('/admin/realms/acme/service-accounts?unused_since=2021-01-01T00:00:00Z')).found, [
      'c11999',
    ])
    t.same((await all('/admin/realms/acme/service-accounts?name=N21999')).found, ['c11999'])
    t.same(
      (await all('/admin/realms/acme/service-accounts?name=n1000')).found,
      Array.from({ length: 9 }, (_, n) => `c${n + 1}`),
    )
  },
)

t.test('a common word fills a page from the first rows', async (t) => {
  const { body } = await ask('GET', '/admin/realms/acme/service-accounts?name=n&limit=10')
  t.equal(body.items.length, 10)
  t.not(body.next_cursor, null)
  const { found } = await all('/admin/realms/acme/service-accounts?name=n1234')
  t.same(
    found,
    Array.from({ length: 10 }, (_, n) => `c${2340 + n}`),
  )
})

t.test('one query of a search reads no more rows than it is allowed', async (t) => {
  const filter = { nameContains: 'n21999' }
  const search = { after: '', rows: 5000, limit: 10, filter, now: server.clock.now }
  t.same(await searchServiceAccounts(db, realmId, search), { keys: [], end: 'n14999' })
  const last = await searchServiceAccounts(db, realmId, { ...search, after: 'n19999' })
  t.same(last, { keys: ['n21999'], end: undefined })
})

t.test('a search is cancelled in PostgreSQL when its client leaves', async (t) => {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  await client.query('begin; lock table last_uses in access exclusive mode')
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET /admin/realms/acme/service-accounts?unused_since=2021-01-01T00:00:00Z HTTP/1.1\r
Host: ${new URL(PUBLIC_URL).host}\r
Authorization: Bearer ${token}\r
\r
`,
  )
  const watcher = new pg.Client(databaseUrl)
  await watcher.connect()
  t.teardown(() => watcher.end())
  const searching = async () =>
    (
      await watcher.query(
        "select from pg_stat_activity where datname = current_database() and query like '%scanned as%' and state = 'active' and pid <> pg_backend_pid()",
      )
    ).rowCount
  for (;;) if (await searching()) break
  socket.destroy()
  await once(socket, 'close')
  for (;;) if (!(await searching())) break
  await client.query('rollback')
  while (!server.log.some((line) => line.includes('client_gone'))) await searching()
  t.notOk(server.log.some((line) => JSON.parse(line).status === 500))
  t.same(server.warnings, [])
})

t.test('a query whose signal aborts is cancelled, and is no fault of the database', async (t) => {
  const controller = new AbortController()
  const sleeping = executeCancellable(db, sql`select pg_sleep(30), 'cancel me'`, controller.signal)
  const active = async () =>
    (
      await client.query(
        "select from pg_stat_activity where query like '%cancel me%' and state = 'active' and pid <> pg_backend_pid()",
      )
    ).rowCount
  for (;;) if (await active()) break
  controller.abort(new Error('the client left'))
  await t.rejects(sleeping, { message: 'the client left' })
  for (;;) if (!(await active())) break
  t.same(faults, [])
  const { rows } = await sql`select 1 as one`.execute(db)
  t.same(rows, [{ one: 1 }])
  await t.rejects(executeCancellable(db, sql`select 1`, controller.signal), { message: 'the client left' })
})

t.test('a request reads windows until its page is full, its list ends or its time is over', async (t) => {
  const reads: number[] = []
  const search = {
    windows: [1, 2, 4],
    after: '0',
    limit: 10,
    signal: undefined,
    positionOf: String,
    read: async (after: string, rows: number) => {
      reads.push(rows)
      return { hits: [], end: String(Number(after) + rows) }
    },
  }
  t.same(await searchBounded(search), { items: [], next: '7' })
  t.same(reads, [1, 2, 4])

  let time = 0
  const { now } = performance
  performance.now = () => (time += 600)
  t.same((await searchBounded(search)).next, '1', 'no window begins once its time is over')
  performance.now = now

  const away = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' })
  const failing = (at: number) => ({
    ...search,
    read: (after: string, rows: number) => (rows === at ? Promise.reject(away) : search.read(after, rows)),
  })
  t.same((await searchBounded(failing(4))).next, '3', 'a window that is too slow is left for the next page')
  await t.rejects(searchBounded(failing(1)), away)
})
