import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { isMisfit } from '../../src/storage/migration-texts.ts'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { mintmark } from '../support/command.ts'
import { until } from '../support/embedded.ts'
import { testDatabase, untilLocked } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'

const FOLDER = join(import.meta.dirname, '../../migrations')
const files = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.sql'))
  .sort()

/** The first release that nodes are rolled out from one by one; what came before made it. */
const FIRST_RULED = '0052'

const FORBIDDEN = [
  /\bdrop\s+(table|column|constraint|type)\b/i,
  /\brename\b/i,
  /\balter\s+column\b[^;]*\b(type|set\s+not\s+null)\b/i,
  /\badd\s+column\s+(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b/i,
  /\badd\s+constraint\b(?![^;]*\bnot\s+valid\b)/i,
]

/** Tables that go on under their name as another one: `audit-partitions.test.ts` shows that the version before works with it. */
const REPLACED = ['alter table audit_events rename to audit_events_before;']

/** Without comments, and without what functions do later. */
function runAtOnce(text: string): string {
  const statements = text.replaceAll(/^--.*$/gm, '').replaceAll(/\bcreate function[^;]*?\$\$.*?\$\$/gs, '')
  return REPLACED.reduce((rest, one) => rest.replace(one, ''), statements)
}

for (const file of files.filter((name) => name > FIRST_RULED))
  t.test(`${file} leaves alone what the version before it reads and writes`, async (t) => {
    const text = readFileSync(join(FOLDER, file), 'utf8')
    t.match(text, /^-- /, 'it says what it is for')
    const statements = runAtOnce(text)
    for (const rule of FORBIDDEN) t.notMatch(statements, rule)
    t.same(lateIndexes(statements), [], 'no token waits for an index to be built')
  })

/** The last migration of the latest release. */
const RELEASED = '0056'

t.test('no token waits for an index of any migration of a release, which are applied together', async (t) => {
  const texts = files
    .filter((file) => file > `${RELEASED}~`)
    .map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  t.same(lateIndexes(runAtOnce(texts.join('\n'))), [])
})

/** Tables that are there already and get an index while a change blocks the reads of token requests. */
function lateIndexes(statements: string): string[] {
  // Statistics hold back no reader.
  const [, ...after] = statements.split(
    /\balter\s+table\s+(?:realms|service_accounts|client_secrets|signing_keys)\b(?!\s+alter\s+column\s+\w+\s+set\s*\()/i,
  )
  const tables = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, table]) => table)
  const own = tables(statements, /\bcreate\s+(?:unlogged\s+)?table\s+(\w+)/gi)
  const indexed = tables(after.join(), /\bcreate\s+(?:unique\s+)?index\b[^;]*?\bon\s+(\w+)/gi)
  return indexed.filter((table) => !own.includes(table)) as string[]
}

t.test('the rule finds what it is there for', async (t) => {
  const bad = [
    'alter table a drop column b',
    'alter table a rename b to c',
    'alter table a alter column b type text',
    'alter table a alter column b set not null',
    'alter table a add column b text not null',
    'alter table a add constraint c check (b > 0)',
  ]
  for (const statement of bad)
    t.ok(
      FORBIDDEN.some((rule) => rule.test(statement)),
      statement,
    )
  t.notOk(FORBIDDEN.some((rule) => rule.test("alter table a add column b text not null default 'x'")))
  const change = 'alter table realms add column a text;'
  const index = 'create unique index b on grants (a);'
  t.same(lateIndexes(change + index), ['grants'])
  t.same(lateIndexes(index + change), [])
  t.same(lateIndexes(`create table grants (a int); ${change} ${index}`), [])
})

t.test('of nodes that migrate at once, one applies and all finish', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrateToLatest(databaseUrl)))
  t.same(
    applied.flat(),
    files.map((file) => file.slice(0, -'.sql'.length)),
  )
  t.same(await migrateToLatest(databaseUrl), [])
})

t.test('migrations take as long as they take, whatever limits the role has', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  for (const timeout of ['statement_timeout', 'lock_timeout'])
    await client.query(`alter database ${client.database} set ${timeout} = 100`)
  await client.query('begin; select pg_advisory_xact_lock(3853314791062309107)')
  const migrated = migrateToLatest(databaseUrl)
  await untilLocked(databaseUrl, 1)
  await client.query('select pg_sleep(0.2)')
  await client.query('commit')
  t.equal((await migrated).length, files.length)
})

t.test('a migration that fails names its file, says why, and leaves nothing of the others', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query('create table grants (n int)')
  await t.rejects(migrateToLatest(databaseUrl), {
    name: 'MigrationError',
    message: /^migration \d{4}_\w+ failed \(42P07: relation "grants" already exists\); nothing was changed/,
  })
  const { rows } = await client.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace",
  )
  t.same(rows, [{ relname: 'grants' }])
  await client.query('drop table grants')
  t.equal((await migrateToLatest(databaseUrl)).length, files.length)
})

t.test('only a migration that does not fit the database is named and tried file by file', (t) => {
  const error = (code: string) => Object.assign(new pg.DatabaseError('no', 2, 'error'), { code })
  for (const code of ['22P02', '23505', '42P07', '42601']) t.ok(isMisfit(error(code)), code)
  // A missing right, a lock, a deadlock, a full disk, a server that stops, one that is full.
  for (const code of ['42501', '55P03', '40P01', '53100', '57P01', '53300'])
    t.notOk(isMisfit(error(code)), code)
  t.notOk(isMisfit(new Error('connection lost')))
  t.end()
})

t.test('no lock is of a session, whose connection a pooler may give to another', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const url = new URL(databaseUrl)
  const name = url.pathname.slice(1)
  await client.query(`create role ${name} login; alter schema public owner to ${name}`)
  t.teardown(async () => {
    await client.query(`drop owned by ${name} cascade; drop role ${name}`)
    await client.end()
  })
  await client.query(
    'revoke execute on function pg_advisory_lock(bigint), pg_advisory_unlock(bigint) from public',
  )
  url.username = name
  t.equal((await migrateToLatest(url.href)).length, files.length)
})

t.test(
  'newer migrations are applied while a server of the version before is under load, and nobody notices',
  async (t) => {
    const databaseUrl = await testDatabase(t)
    const environment = onDatabase(databaseUrl)
    const client = new pg.Client(databaseUrl)
    await client.connect()
    t.teardown(() => client.end())
    const made = await mintmark(['--json', 'realm', 'create', 'acme'], environment)
    t.equal(made.code, 0, made.stderr)
    const account = JSON.parse(
      (
        await mintmark(
          ['--json', 'service-account', 'create', '--realm', 'acme', '--name', 'CI'],
          environment,
        )
      ).stdout,
    )
    const server = await startServer(t, environment)
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: account.client_id,
      client_secret: account.client_secret,
    })
    const statuses = new Map<number, number>()
    let stopped = false
    const load = Array.from({ length: 3 }, async () => {
      while (!stopped) {
        const { status } = await fetch(`${server.url}/realms/acme/protocol/openid-connect/token`, {
          method: 'POST',
          body,
        })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const moreTokens = async () => {
      const before = statuses.get(200) ?? 0
      await until(() => (statuses.get(200) ?? 0) >= before + 16)
    }
    await moreTokens()
    // What a later version might add, by the rule, with the server's own statements running.
    for (const statement of [
      "alter table realms add column of_later text not null default 'x'",
      'alter table service_accounts add column of_later timestamptz',
      'alter table client_secrets add column of_later text',
      'create table of_later (n int)',
      "insert into kysely_migration (name, timestamp) values ('9999_of_later', now()::text)",
    ]) {
      await client.query(statement)
      await moreTokens()
    }
    // A node that is older than the database starts, too.
    const older = await startServer(t, environment)
    t.equal((await fetch(`${older.url}/health/ready`)).status, 200)
    t.equal((await fetch(`${server.url}/health/ready`)).status, 200)
    const created = await mintmark(
      ['--json', 'service-account', 'create', '--realm', 'acme', '--name', 'meanwhile'],
      environment,
    )
    t.equal(created.code, 0, created.stderr)
    stopped = true
    await Promise.all(load)
    t.same([...statuses.keys()], [200], JSON.stringify([...statuses]))
  },
)

t.test('accounts from before status lists get an index each, which their limit allows', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const apply = (file: string) => client.query(readFileSync(join(FOLDER, file), 'utf8'))
  for (const file of files.filter((name) => name < '0030')) await apply(file)
  await client.query(`insert into realms (name, display_name, algorithm, token_lifetime_seconds, service_account_limit,
      service_account_count, scopes, audiences, roles, key_rotation_seconds, key_publish_seconds, jwks_max_age_seconds, created_at)
    select name, '', 'ES256', 300, 5000, accounts, '{view}', '{}', '{}', 8640000, 86400, 300, now()
    from (values ('many', 3000), ('few', 1)) as made(name, accounts)`)
  await client.query(`insert into service_accounts (realm_id, client_id, name, name_key, roles, created_at, updated_at)
    select r.id, 'sa_' || n, 'n' || n, 'n' || n, '{view}', now(), now()
    from realms r, generate_series(1, service_account_count) n`)
  for (const file of files.filter((name) => name >= '0030')) await apply(file)
  const { rows } =
    await client.query(`select r.name, count(*)::int as n, count(distinct status_index)::int as different,
      min(status_index) as lowest, max(status_index) as highest
    from service_accounts a join realms r on r.id = a.realm_id group by 1 order by 1`)
  t.match(rows, [
    { name: 'few', n: 1, different: 1 },
    { name: 'many', n: 3000, different: 3000 },
  ])
  for (const { lowest, highest } of rows) t.ok(lowest >= 0 && highest < 524_288)
  const taken = await client.query(`select count(*)::int as n from status_indexes i join service_accounts a
    on a.realm_id = i.realm_id and a.status_index = i.status_index`)
  t.equal(taken.rows[0].n, 3001)
})

t.test('realms that were deleted before are found in the trail by their names', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const apply = (file: string) => client.query(readFileSync(join(FOLDER, file), 'utf8'))
  for (const file of files.filter((name) => name < '0060')) await apply(file)
  await client.query(`insert into realms (name, display_name, algorithm, token_lifetime_seconds, service_account_limit,
      service_account_count, scopes, audiences, roles, key_rotation_seconds, key_publish_seconds, jwks_max_age_seconds, created_at)
    values ('there', '', 'ES256', 300, 25, 0, '{view}', '{}', '{}', 8640000, 86400, 300, now())`)
  await client.query(`insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, outcome, details)
    select id, realm, timestamptz '2026-01-01' + n * interval '1 day', 'cli', 'x', 'realm.create', 'done', '{}'
    from (values (1, 'there', 1), (7, 'gone', 2), (7, 'gone', 5), (9, 'gone', 3), (null, null, 9)) as e(id, realm, n)`)
  await apply('0061_deleted_realms.sql')
  const { rows } = await client.query('select id, name, deleted_at from deleted_realms order by id')
  t.match(rows, [
    { id: '7', name: 'gone', deleted_at: new Date('2026-01-06T00:00:00Z') },
    { id: '9', name: 'gone' },
  ])
  t.equal(rows.length, 2)
})
