import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { mintmark } from '../support/command.ts'
import { basic, INACTIVE, introspect, post, testClient } from '../support/introspection.ts'
import { cutDatabase, testDatabase } from '../support/postgres.ts'
import { adminUrl } from '../support/postgres-server.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

/** What a database may say for all its sessions. */
const SETTINGS = [
  ["datestyle to 'SQL, DMY'", "bytea_output to 'escape'"],
  [
    "datestyle to 'German'",
    "timezone to 'America/St_Johns'",
    "default_transaction_isolation to 'serializable'",
  ],
  ["datestyle to 'Postgres, MDY'", "intervalstyle to 'iso_8601'", 'array_nulls to off'],
  ["datestyle to 'ISO, DMY'", 'extra_float_digits to -10', "lock_timeout to '300ms'"],
  [
    "client_encoding to 'LATIN1'",
    'standard_conforming_strings to off',
    'transform_null_equals to on',
    'default_transaction_deferrable to on',
    "idle_in_transaction_session_timeout to '900ms'",
    'parallel_setup_cost to 0',
    'min_parallel_table_scan_size to 0',
    'plan_cache_mode to force_generic_plan',
    "search_path to '$user', public, pg_catalog",
  ],
]

for (const settings of SETTINGS) {
  for (const when of ['before the start', 'while the server runs'])
    t.test(`what has ended stays ended where the database sets ${settings.join(', ')} ${when}`, async (t) => {
      const databaseUrl = await testDatabase(t)
      if (when === 'before the start') await alter(databaseUrl, settings)
      const server = await testServer(t, { databaseUrl })
      await server.operations.realms.create(TESTER, 'acme')
      const resourceServer = await testClient(server, 'resource server', 'acme', ['introspect'])
      const clients = await Promise.all(
        ['disabled', 'rotated', 'revoked'].map((name) => testClient(server, name)),
      )
      const [disabled, rotated, revoked] = clients as [TestClient, TestClient, TestClient]
      const { operations, clock } = server
      await operations.accounts.update(TESTER, 'acme', disabled.clientId, { enabled: false })
      await operations.secrets.startRotation(
        TESTER,
        'acme',
        rotated.clientId,
        new Date(clock.now.getTime() + 60_000),
      )
      await post(server, 'revoke', { token: revoked.token }, { authorization: basic(revoked) })
      if (when === 'while the server runs') {
        await alter(databaseUrl, settings)
        await (await cutDatabase(databaseUrl))()
      }

      t.equal(await statusFor(server, disabled), 401)
      t.equal(await statusFor(server, rotated), 200)
      clock.advance(61)
      t.equal(await statusFor(server, rotated), 401, 'after the overlap')
      t.equal(await introspect(server, resourceServer, revoked.token), INACTIVE)
      const account = await operations.accounts.find(TESTER, 'acme', disabled.clientId)
      t.ok(account.disabledAt instanceof Date)
      t.ok(Number.isInteger(account.createdAt.getTime()))
      await operations.signingKeys.rotate(TESTER, 'acme')
      t.equal(await statusFor(server, revoked), 200)
    })
}

type TestClient = Awaited<ReturnType<typeof testClient>>

async function statusFor(server: Parameters<typeof post>[0], client: TestClient): Promise<number> {
  const form = { grant_type: 'client_credentials' }
  return (await post(server, 'token', form, { authorization: basic(client) })).statusCode
}

async function alter(databaseUrl: string, settings: readonly string[]): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  for (const setting of settings) await client.query(`alter database ${client.database} set ${setting}`)
  await client.end()
}

t.test('a session whose settings were changed is closed, and the log says why', async (t) => {
  const faults: string[] = []
  const db = openDatabase({
    connectionString: await testDatabase(t),
    poolSize: 1,
    onIdleError: () => {},
    onFault: ({ message }) => faults.push(message),
  })
  t.teardown(() => db.destroy())
  const read = () => db.selectFrom('realms').select('created_at').execute()
  await read()
  await sql`set datestyle to 'SQL, DMY'`.execute(db)
  await t.rejects(read(), { name: 'DatabaseSettingError', message: /DateStyle = SQL, DMY.*needs ISO/ })
  t.same(await read(), [], 'the next connection is a new one')
  t.match(faults, [/DateStyle/])
})

for (const encoding of ['WIN1252', 'LATIN1', 'EUC_JP', 'SQL_ASCII'])
  t.test(`refuses to start on a database in ${encoding}, in a sentence`, async (t) => {
    const name = `encoded_${encoding.toLowerCase()}`
    const admin = new pg.Client(adminUrl())
    await admin.connect()
    await admin.query(`create database ${name} template template0 encoding '${encoding}' locale 'C'`)
    t.teardown(async () => {
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    })
    const { code, stderr } = await mintmark(['realm', 'list'], onDatabase(adminUrl(name)))
    t.equal(code, 6)
    t.match(
      stderr,
      new RegExp(`the database has the encoding ${encoding}, and Mintmark needs UTF8: make another`),
    )
    t.notMatch(stderr, /\n {4}at /)
  })
