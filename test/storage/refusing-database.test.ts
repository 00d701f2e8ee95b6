import { readFileSync, writeFileSync } from 'node:fs'
import pg from 'pg'
import t, { type Test } from 'tap'
import { isDatabaseAway, openDatabase } from '../../src/storage/database.ts'
import { platformAdministrator } from '../support/admin.ts'
import { basic, post, testClient } from '../support/introspection.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { adminOf } from '../support/portal.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

const ROLE = 'mintmark_server'

interface Fault {
  readonly name: string
  /** Makes it so, and undoes it. */
  readonly begin: readonly string[]
  readonly end: readonly string[]
  /** What the log says to do. */
  readonly advice: RegExp
}

const TABLES = [
  'realms',
  'service_accounts',
  'client_secrets',
  'signing_keys',
  'revoked_tokens',
  'status_lists',
  'status_indexes',
]

const FAULTS: readonly Fault[] = [
  {
    name: 'refuses the login',
    begin: [`alter role ${ROLE} nologin`, 'cut'],
    end: [`alter role ${ROLE} login`],
    advice: /28000.*check user and password in DATABASE_URL/,
  },
  {
    name: 'allows no connection more',
    begin: [`alter role ${ROLE} connection limit 0`, 'cut'],
    end: [`alter role ${ROLE} connection limit -1`],
    advice: /53300.*max_connections/,
  },
  {
    name: 'has lost the schema',
    begin: ['alter schema public rename to gone'],
    end: ['alter schema gone rename to public'],
    advice: /(42P01|3F000|42501).*(search_path|docs\/database-roles)/,
  },
  {
    name: 'has lost a column',
    begin: ['alter table realms rename column version to gone'],
    end: ['alter table realms rename column gone to version'],
    advice: /42703.*mintmark migrate/,
  },
]

/** As an operator sets it up: the server's role owns nothing. */
async function restricted(t: Test) {
  const owner = new pg.Client(await testDatabase(t))
  await owner.connect()
  await owner.query(readFileSync('docs/database-roles.sql', 'utf8'))
  t.teardown(async () => {
    await owner.query(`drop owned by ${ROLE} cascade`)
    await owner.query(`drop role ${ROLE}`)
    await owner.end()
  })
  const url = new URL(`postgres://${ROLE}@localhost/${owner.database}`)
  url.searchParams.set('host', owner.host)
  url.searchParams.set('port', String(owner.port))
  const logged: string[] = []
  const server = await testServer(t, { databaseUrl: url.href, onLog: (message) => logged.push(message) })
  await server.operations.realms.create(TESTER, 'acme')
  const client = await testClient(server, 'CI')
  const administrate = await platformAdministrator(server)
  const browser = await adminOf(server, 'acme')
  const token = () =>
    post(server, 'token', { grant_type: 'client_credentials' }, { authorization: basic(client) })
  const get = (url: string) => server.app.inject(url)
  // The documents are in memory from now on.
  await get('/realms/acme/protocol/openid-connect/certs')
  const run = async (statements: readonly string[]) => {
    for (const statement of statements)
      await owner.query(
        statement === 'cut'
          ? `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${ROLE}' and datname = current_database()`
          : statement,
      )
  }
  return { server, administrate, browser, token, get, run, logged }
}

t.test('every endpoint is 503 and documents come from memory while the database refuses', async (t) => {
  const { server, administrate, browser, token, get, run, logged } = await restricted(t)
  for (const { name, begin, end, advice } of FAULTS)
    await t.test(`one that ${name}`, async (t) => {
      logged.length = 0
      await run(begin)
      try {
        const answers = {
          token: await token(),
          status: await get('/realms/acme/protocol/openid-connect/status-lists/0'),
        }
        for (const [endpoint, answer] of Object.entries(answers)) {
          t.match(answer, { statusCode: 503, headers: { 'retry-after': '1' } }, endpoint)
          t.match(answer.json(), { error: 'temporarily_unavailable' })
        }
        const changed = await administrate('POST', '/admin/realms/acme/service-accounts', { name })
        t.match(changed, { status: 503 })
        t.equal((await browser.get('/portal/acme/service-accounts')).statusCode, 503)
        for (const path of ['/protocol/openid-connect/certs', '/.well-known/openid-configuration'])
          t.equal((await get(`/realms/acme${path}`)).statusCode, 200, path)
        t.equal((await get('/health/ready')).statusCode, 503)
        t.equal((await get('/health/live')).statusCode, 200)
        // A connection that was cut may be noticed first, and has a line of its own.
        const lines = logged.filter((line) =>
          /^database error(?!.*(57P01|Connection terminated|EPIPE|ECONNRESET))/.test(line),
        )
        t.equal(lines.length, 1, lines.join('\n'))
        t.match(lines[0], advice)
      } finally {
        await run(end)
      }
      t.equal((await token()).statusCode, 200)
      t.equal((await get('/health/ready')).statusCode, 200)
    })
  t.notOk(server.log.some((line) => /"status":500/.test(line)))
})

t.test('a node is unready where its role may not read a table that tokens need', async (t) => {
  const { token, get, run, logged } = await restricted(t)
  for (const table of TABLES) {
    await run([`revoke select on ${table} from ${ROLE}`])
    t.equal((await get('/health/ready')).statusCode, 503, table)
    const { statusCode } = await token()
    t.ok([200, 503].includes(statusCode), `${table} ${statusCode}`)
    await run([`grant select on ${table} to ${ROLE}`])
    t.equal((await get('/health/ready')).statusCode, 200, table)
  }
  t.match(logged.join('\n'), /42501: permission denied for table realms; grant the role of DATABASE_URL/)
})

t.test('a lock timeout of the database is 503', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const administrate = await platformAdministrator(server)
  const client = await testClient(server, 'CI')
  const other = new pg.Client(server.databaseUrl)
  await other.connect()
  await other.query(`alter database ${other.database} set lock_timeout = '50ms'`)
  await other.end()
  await (await server.cutDatabase())()
  const holder = new pg.Client(server.databaseUrl)
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin; lock table service_accounts in access exclusive mode')
  const form = { grant_type: 'client_credentials' }
  t.equal((await post(server, 'token', form, { authorization: basic(client) })).statusCode, 503)
  await holder.query("rollback; begin; select from realms where name = 'acme' for update")
  t.match(await administrate('POST', '/admin/realms/acme/service-accounts', { name: 'x' }), { status: 503 })
  await holder.query('rollback')
  t.equal((await post(server, 'token', form, { authorization: basic(client) })).statusCode, 200)
})

t.test('a primary that became read-only issues tokens and refuses changes as unavailable', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const administrate = await platformAdministrator(server)
  const client = await testClient(server, 'CI')
  const other = new pg.Client(server.databaseUrl)
  await other.connect()
  await other.query(`alter database ${other.database} set default_transaction_read_only = on`)
  await other.end()
  await (await server.cutDatabase())()
  const form = { grant_type: 'client_credentials' }
  t.equal((await post(server, 'token', form, { authorization: basic(client) })).statusCode, 200)
  t.match(await administrate('POST', '/admin/realms/acme/service-accounts', { name: 'x' }), { status: 503 })
})

t.test('a connection that cannot be made counts as an absent database, whatever the reason', async (t) => {
  const { databaseUrl, folder, query } = await ownPostgres(t)
  await query("create role someone login password 'right'")
  writeFileSync(
    `${folder}/own/data/pg_hba.conf`,
    'host all mintmark all trust\nhost all someone all scram-sha-256\n',
  )
  await query('select pg_reload_conf()')
  const to = (change: (url: URL) => void) => {
    const url = new URL(databaseUrl)
    change(url)
    return url.href
  }
  const wrong = {
    'a wrong password': [
      to((url) => Object.assign(url, { username: 'someone', password: 'wrong' })),
      '28P01',
    ],
    'no password': [to((url) => Object.assign(url, { username: 'someone' })), undefined],
    'a role that is not there': [to((url) => Object.assign(url, { username: 'nobody' })), '28000'],
    'a database that is not there': [to((url) => Object.assign(url, { pathname: '/none' })), '3D000'],
    'no TLS': [to((url) => url.searchParams.set('sslmode', 'require')), undefined],
  } as const
  for (const [name, [connectionString, code]] of Object.entries(wrong)) {
    const faults: Error[] = []
    const onFault = (error: Error) => faults.push(error)
    const db = openDatabase({ connectionString, poolSize: 1, onIdleError: () => {}, onFault })
    const error = await db
      .selectFrom('realms')
      .select('id')
      .execute()
      .catch((reason: unknown) => reason)
    t.ok(isDatabaseAway(error), `${name}: ${error}`)
    if (code) t.match(error, { code }, name)
    t.equal(faults.length, 1, name)
    await db.destroy()
  }
})
