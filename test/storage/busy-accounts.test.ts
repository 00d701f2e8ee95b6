import pg from 'pg'
import t from 'tap'
import { startOf } from '../../src/domain/activity.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { addTokenCounts, listBusiestClients, magnitudeOf } from '../../src/storage/token-counts.ts'
import { testDatabase } from '../support/postgres.ts'
import { explain, recordStatements } from '../support/query-plans.ts'
import { TESTER, testServer } from '../support/server.ts'

const NOON = new Date('2026-05-05T12:00:00Z')
const DAY = startOf('day', NOON)
const LIMIT = 20

const connectionString = await testDatabase(t)
const client = new pg.Client(connectionString)
await client.connect()
t.teardown(() => client.end())
const { operations } = await testServer(t, { databaseUrl: connectionString })
const db = openDatabase({ connectionString, poolSize: 1, onIdleError: () => {} })
t.teardown(() => db.destroy())

/** A realm with accounts `sa_1` and so on. */
async function makeRealm(name: string, accounts: number): Promise<string> {
  const { id } = await operations.realms.create(TESTER, name)
  await client.query(
    `insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
     select $1::bigint, 'sa_' || n, 'n' || n, 'n' || n, '{}', n, now(), now() from generate_series(1, $2::int) n`,
    [id, accounts],
  )
  return id
}

const add = (realmId: string, counts: readonly (readonly [string, number])[], startsAt = NOON) =>
  db.transaction().execute((trx) =>
    addTokenCounts(
      trx,
      counts.map(([clientId, issued]) => ({ realmId, clientId, startsAt, issued, refused: 1 })),
    ),
  )

const busiestOf = async (realmId: string) =>
  (await listBusiestClients(db, realmId, { day: DAY, limit: LIMIT })).map(({ clientId, issued }) => [
    clientId,
    issued,
  ])

async function sortedOf(realmId: string) {
  const { rows } = await client.query(
    `select client_id, issued::int as issued from token_counts where realm_id = $1 and period = 'day' and starts_at = $2
       and client_id <> '' order by 2 desc, 1 limit $3`,
    [realmId, DAY, LIMIT],
  )
  return rows.map((row) => [row.client_id, row.issued])
}

t.test('the busiest accounts are those with the most tokens of the day, however they came', async (t) => {
  const id = await makeRealm('growing', 60)
  const accounts = Array.from({ length: 60 }, (_, n) => `sa_${n + 1}`)
  // The first write is below the least magnitude for all; later ones are above it for ever more of them.
  for (const [round, times] of [1, 3, 10, 40].entries()) {
    await add(
      id,
      [['', 9000], ...accounts.map((account, n) => [account, ((n * 37) % 60) * times] as const)],
      new Date(NOON.getTime() + round * 3_600_000),
    )
    t.same(await busiestOf(id), await sortedOf(id))
  }
  await add(id, [['sa_1', 100_000]], new Date(NOON.getTime() - 86_400_000))
  t.same(await busiestOf(id), await sortedOf(id), 'another day does not count')
  const { rows } = await client.query(
    `select distinct period, client_id = '' as is_realm from token_counts where realm_id = $1 and magnitude is not null`,
    [id],
  )
  t.same(rows, [{ period: 'day', is_realm: false }])
})

t.test('counts that have grown by less than 4 % stay where they are in the index', async (t) => {
  const id = await makeRealm('steady', 1)
  await add(id, [['sa_1', 10_000]])
  const magnitude = async () =>
    (await client.query(`select magnitude from token_counts where realm_id = $1 and magnitude > 0`, [id]))
      .rows
  const before = await magnitude()
  await add(id, [['sa_1', 50]])
  t.same(await magnitude(), before)
  await add(id, [['sa_1', 500]])
  t.notSame(await magnitude(), before)
})

t.test('the busiest of very many accounts are found by index', async (t) => {
  const id = await makeRealm('large', 0)
  await client.query(
    `insert into token_counts select $1::bigint, 'sa_' || n, 'day', $2::timestamptz, issued, 0, ${magnitudeOf('issued')}
     from generate_series(1, 20000) n, lateral (select case when n % 700 = 0 then 1000 + n else n % 300 end as issued) made`,
    [id, DAY],
  )
  await client.query('vacuum analyze token_counts')
  const statements = await recordStatements(async () => {
    t.same(await busiestOf(id), await sortedOf(id))
  })
  const [found] = statements.filter(({ text }) => text.includes('magnitude'))
  const { pages, indexes } = await explain(client, found as (typeof statements)[number], false)
  t.ok(indexes.every((index) => index === 'token_counts_busy_idx'))
  t.ok(pages <= 100, `${pages} pages`)
})
