import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { MigrationError } from '../../src/storage/migration-texts.ts'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { tokenFor } from '../support/admin.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const FOLDER = join(import.meta.dirname, '../../migrations')

/** The migrations of a version to come, whose last one needs the realms for itself. */
function laterMigrations(t: Test): string {
  const folder = temporaryFolder(t)
  cpSync(FOLDER, folder, { recursive: true })
  writeFileSync(
    join(folder, '9999_of_later.sql'),
    '-- Later.\nalter table realms add column of_later text;\n',
  )
  return folder
}

async function connect(t: Test, databaseUrl: string) {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'pg_dump' })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

t.test('a migration waits for a long reader, and tokens wait for neither', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const made = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const reader = await connect(t, server.databaseUrl)
  await reader.query('begin')
  await reader.query('select from realms')

  let migrated = false
  let tokens = 0
  const load = Array.from({ length: 4 }, async () => {
    while (!migrated) {
      await tokenFor(server, 'acme', made.account.clientId, made.clientSecret)
      tokens++
    }
  })
  const waits: string[] = []
  const log = (message: string) => {
    waits.push(message)
    if (waits.length === 2) reader.query('commit')
  }
  const folder = laterMigrations(t)
  t.same(await migrateToLatest(server.databaseUrl, { folder, log }), ['9999_of_later'])
  migrated = true
  await Promise.all(load)
  t.ok(tokens > 0)
  t.match(waits[0], /migrations wait for a table that session \d+ \(pg_dump, .*trying again in 0.5 s/)
})

t.test('a migration gives up on a reader that stays, and names it', async (t) => {
  const databaseUrl = await testDatabase(t)
  const reader = await connect(t, databaseUrl)
  await reader.query('begin')
  await reader.query('select from realms')
  const options = { folder: laterMigrations(t), lockWaitSeconds: 0 }
  const error = await migrateToLatest(databaseUrl, options).catch((reason: unknown) => reason)
  t.ok(error instanceof MigrationError)
  t.match(error, { message: /session \d+ \(pg_dump, .*end that session/ })
})

t.test('a database of another line of versions is refused by a sentence', async (t) => {
  const databaseUrl = await testDatabase(t)
  const client = await connect(t, databaseUrl)
  await client.query(`insert into kysely_migration values ('9998_elsewhere', now()::text)`)
  await t.rejects(migrateToLatest(databaseUrl, { folder: laterMigrations(t) }), {
    name: 'MigrationError',
    message: /does not know \(9998_elsewhere\) and lacks some that it needs \(9999_of_later\)/,
  })
  await client.query(`delete from kysely_migration where name like '0001%'`)
  const { code, stderr } = await mintmark(['realm', 'list'], onDatabase(databaseUrl))
  t.equal(code, 1)
  t.match(stderr, /^mintmark: the database has migrations that this version does not know \(9998_elsewhere\)/)
  t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
})

t.test('a role without the right to migrate is told which one has it', async (t) => {
  const databaseUrl = await testDatabase(t)
  const empty = await testDatabase(t, { migrate: false })
  const client = await connect(t, databaseUrl)
  const role = new URL(databaseUrl).pathname.slice(1)
  await client.query(`create role ${role} login; grant select on all tables in schema public to ${role}`)
  t.teardown(() => client.query(`drop owned by ${role}; drop role ${role}`))
  const as = (address: string) => {
    const url = new URL(address)
    url.username = role
    return url.href
  }
  await t.rejects(migrateToLatest(as(databaseUrl), { folder: laterMigrations(t) }), {
    name: 'MigrationError',
    message:
      /pending \(9999_of_later\).*42501: must be owner of table realms.*run mintmark migrate as the role/,
  })
  const { code, stderr } = await mintmark(['migrate'], { DATABASE_URL: as(empty) })
  t.equal(code, 1)
  t.match(stderr, /^mintmark: .*42501: permission denied for schema public.*grant create on schema public/)
  t.equal(stderr.trimEnd().split('\n').length, 1, stderr)
})

t.test('migrate needs DATABASE_URL alone and makes no keys', async (t) => {
  const databaseUrl = await testDatabase(t, { migrate: false })
  const { code, stdout, stderr } = await mintmark(['--json', 'migrate'], { DATABASE_URL: databaseUrl })
  t.equal(code, 0, stderr)
  t.ok(JSON.parse(stdout).applied.length > 0)
  const client = await connect(t, databaseUrl)
  t.same((await client.query('select * from data_keys')).rows, [])
})

t.test('a server that is older than the database says so in one line', async (t) => {
  const databaseUrl = await testDatabase(t)
  const client = await connect(t, databaseUrl)
  await client.query(`insert into kysely_migration values ('9998_of_later', now()::text)`)
  const { output } = await startServer(t, { ...onDatabase(databaseUrl), WORKERS: '2' })
  const lines = output()
    .stderr.split('\n')
    .filter((line) => line.includes('9998_of_later'))
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] as string), { level: 40, migrations: ['9998_of_later'] })
})
