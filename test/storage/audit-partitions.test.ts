import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { keepPartitions, listPartitions, rangesOf } from '../../src/storage/audit-partitions.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { testDatabase } from '../support/postgres.ts'

const FOLDER = join(import.meta.dirname, '../../migrations')

/** What the version before adds and reads. */
const OLD_INSERT = `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, address, action, target, outcome, details)
  values (1, 'acme', $1, 'api', 'ann', null, 'grant.add', 'ci', 'done', '{}') returning id`
const OLD_PAGE = `select id, realm_id, realm, occurred_at, actor_kind, actor_id, address, action, target, outcome, details
  from audit_events where realm_id = 1 order by realm_id, occurred_at desc, id desc limit 1000`
const OLD_PRUNE = `delete from audit_events where id in
  (select id from audit_events where occurred_at < $1 limit 1000)`

async function clientOf(t: Test, databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  return client
}

function databaseOf(t: Test, connectionString: string) {
  const db = openDatabase({ connectionString, poolSize: 2, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  return db
}

/** A database of the version before, with so many events of each of the last months, and an open connection. */
async function oldTrail(t: Test, perMonth: number) {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = await clientOf(t, databaseUrl)
  for (const file of readdirSync(FOLDER).sort())
    if (file.endsWith('.sql') && file < '0230') await client.query(readFileSync(join(FOLDER, file), 'utf8'))
  await client.query(
    'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)',
  )
  for (const file of readdirSync(FOLDER))
    if (file.endsWith('.sql') && file < '0230')
      await client.query("insert into kysely_migration values ($1, '')", [file.slice(0, -4)])
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
     select 1 + n % 2, 'r', now() - m * interval '30 days' - n * interval '1 second', 'api', 'a' || n % 9, 'grant.add', 't' || n % 7, 'done', '{}'
     from generate_series(0, 5) m, generate_series(1, $1::int) n`,
    [perMonth],
  )
  return { databaseUrl, client }
}

async function keepAll(db: ReturnType<typeof databaseOf>, at: Date): Promise<void> {
  while ((await keepPartitions(db, at)) !== false);
}

const indexesOf = async (client: pg.Client) =>
  (
    await client.query<{ table: string; n: number }>(`select c.relname as table, count(*)::int as n
      from pg_index i join pg_class c on c.oid = i.indrelid where c.relname like 'audit_events%' group by 1`)
  ).rows

t.test(
  'the trail of the version before becomes a partition while that version writes, reads and prunes',
  async (t) => {
    const { databaseUrl, client } = await oldTrail(t, 2000)
    const before = Number((await client.query('select count(*) from audit_events')).rows[0].count)
    const old = await clientOf(t, databaseUrl)
    const ids = new Set<string>()
    let stopped = false
    const load = (async () => {
      while (!stopped) {
        const { rows } = await old.query(OLD_INSERT, [new Date()])
        ids.add(rows[0].id)
        const page = await old.query(OLD_PAGE)
        if (!page.rows.some(({ id }) => id === rows[0].id)) throw new Error('what was added is not read')
      }
    })()
    await migrateToLatest(databaseUrl)
    const db = databaseOf(t, databaseUrl)
    t.ok(
      (await listPartitions(db)).some(({ name, isDefault }) => name === 'audit_events_before' && isDefault),
      'a long trail is not looked at while all waits',
    )
    await keepAll(db, new Date())
    const written = ids.size
    for (let more = 0; more < 5; more++) await client.query(OLD_INSERT, [new Date()])
    await client.query(OLD_PRUNE, [new Date(Date.now() - 120 * 86_400_000)])
    stopped = true
    await load
    t.ok(ids.size >= written)
    const partitions = await listPartitions(db)
    const whole = partitions.find(({ name }) => name === 'audit_events_before')
    t.ok(
      whole?.to && whole.to > new Date(Date.now() + 28 * 86_400_000),
      'its bound is ahead of all who write',
    )
    t.equal(partitions.at(-1)?.name, 'audit_events_default')
    const { rows } = await client.query(
      'select count(*)::int as n, count(distinct id)::int as ids from audit_events',
    )
    t.equal(rows[0].n, before + ids.size + 5 - 1000)
    t.equal(rows[0].ids, rows[0].n, 'no id twice')
    // Once its month is over, the version before is gone, and so are its indexes.
    await keepAll(db, new Date(Date.now() + 100 * 86_400_000))
    t.same(
      (await indexesOf(client)).filter(({ n }) => n !== 3),
      [],
    )
  },
)

t.test(
  'a new database has this month, the next three and a partition for all else, each with three indexes',
  async (t) => {
    const databaseUrl = await testDatabase(t)
    const client = await clientOf(t, databaseUrl)
    const partitions = await listPartitions(databaseOf(t, databaseUrl))
    t.equal(partitions.length, 5)
    t.same(
      (await indexesOf(client)).map(({ n }) => n),
      [3, 3, 3, 3, 3],
    )
  },
)

t.test('months follow one another, made ahead by one of the nodes that try at once', async (t) => {
  const databaseUrl = await testDatabase(t)
  const nodes = [1, 2, 3].map(() => databaseOf(t, databaseUrl))
  const start = Date.now()
  for (let month = 0; month < 9; month++) {
    const at = new Date(start + month * 30.5 * 86_400_000)
    await Promise.all(nodes.map((db) => keepAll(db, at)))
  }
  const bounded = (await listPartitions(nodes[0] as never)).filter(({ isDefault }) => !isDefault)
  t.ok(bounded.length >= 11, `${bounded.length}`)
  for (const [i, { from }] of bounded.entries()) if (i > 0) t.same(from, bounded[i - 1]?.to, 'without a gap')
  // A role that may do no more than this cannot fill the catalog.
  await keepAll(nodes[0] as never, new Date(start + 3650 * 86_400_000))
  t.ok((await listPartitions(nodes[0] as never)).length <= 20)
})

t.test('no event is refused for lack of a partition, and the default one is emptied later', async (t) => {
  const databaseUrl = await testDatabase(t)
  const client = await clientOf(t, databaseUrl)
  const db = databaseOf(t, databaseUrl)
  const far = new Date(Date.now() + 200 * 86_400_000)
  for (const days of [0, 1, 40, 400, 4000])
    await client.query(OLD_INSERT, [new Date(far.getTime() - days * 86_400_000)])
  const inDefault = async () =>
    (await client.query('select count(*)::int as n from audit_events_default')).rows[0].n
  t.equal(await inDefault(), 5)
  const writing = Promise.all(
    Array.from({ length: 100 }, async () => {
      const other = new pg.Client(databaseUrl)
      await other.connect()
      await other.query(OLD_INSERT, [far])
      await other.end()
    }),
  )
  await keepAll(db, far)
  await writing
  await keepAll(db, far)
  t.equal(await inDefault(), 1, 'what is years old stays')
  t.equal((await client.query('select count(*)::int as n from audit_events')).rows[0].n, 105)
})

t.test('a node that dies in the middle of a step leaves nothing of it', async (t) => {
  const { databaseUrl, client } = await oldTrail(t, 2000)
  await migrateToLatest(databaseUrl)
  const db = databaseOf(t, databaseUrl)
  for (;;) {
    const dying = await clientOf(t, databaseUrl)
    dying.on('error', () => {})
    await dying.query('begin')
    const { rows } = await dying.query('select audit_events_keep_partitions(now()) as more')
    const { rows: pids } = await dying.query('select pg_backend_pid() as pid')
    await client.query('select pg_terminate_backend($1, 5000)', [pids[0].pid])
    await client.query(OLD_INSERT, [new Date()])
    t.ok((await client.query(OLD_PAGE)).rows.length > 0)
    if (!rows[0].more) break
    t.equal(await keepPartitions(db, new Date()), true, 'the step is done by the next one')
  }
  t.equal((await listPartitions(db)).at(-1)?.name, 'audit_events_default')
})

t.test('a page reads whole partitions: two months, the eight before them, and all others', async (t) => {
  const month = (n: number) => Date.UTC(2026, n)
  const starts = [-Infinity, ...Array.from({ length: 14 }, (_, n) => month(n))]
  const show = (ranges: ReturnType<typeof rangesOf>) =>
    ranges.map(({ from, to }) => [from?.toISOString().slice(0, 7), to?.toISOString().slice(0, 7)])
  const now = month(11) + 5
  t.same(show(rangesOf(starts, { now })), [
    ['2026-11', undefined],
    ['2026-03', '2026-11'],
    [undefined, '2026-03'],
  ])
  t.same(show(rangesOf(starts, { now, from: month(10) + 7 })), [['2026-11', undefined]])
  t.same(show(rangesOf(starts, { now, to: month(3) + 7 })), [
    ['2026-03', '2026-05'],
    [undefined, '2026-03'],
  ])
  t.same(show(rangesOf([], { now })), [[undefined, undefined]])
})

t.test(
  'a role that could add to the trail before goes on, and makes months without a right to more',
  async (t) => {
    const { databaseUrl, client } = await oldTrail(t, 2000)
    const role = `server_${process.pid}_${Date.now()}`
    await client.query(`create role ${role} login; grant select, insert on audit_events to ${role}`)
    t.teardown(async () => {
      const admin = new pg.Client(databaseUrl)
      await admin.connect()
      await admin.query(`drop owned by ${role} cascade; drop role ${role}`)
      await admin.end()
    })
    await migrateToLatest(databaseUrl)
    const url = new URL(databaseUrl)
    url.username = role
    const server = await clientOf(t, url.href)
    await server.query(OLD_INSERT, [new Date()])
    await keepAll(databaseOf(t, url.href), new Date())
    t.equal((await server.query(OLD_PAGE)).rows.length, 1000)
    t.equal((await listPartitions(databaseOf(t, url.href))).at(-1)?.name, 'audit_events_default')
    for (const statement of [
      'delete from audit_events',
      'drop table audit_events_default',
      "select audit_events_add_month('2030-01-01')",
    ])
      await t.rejects(server.query(statement), { code: '42501' }, statement)
  },
)
