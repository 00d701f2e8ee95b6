import { readFileSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

const SET_UP = readFileSync('docs/database-roles.sql', 'utf8')

t.test(
  'in the role of the set-up the server does all its work but cannot change the audit trail',
  async (t) => {
    const owner = new pg.Client(await testDatabase(t))
    await owner.connect()
    await owner.query(SET_UP)
    t.teardown(async () => {
      await owner.query('drop owned by mintmark_server cascade')
      await owner.query('drop role mintmark_server')
      await owner.end()
    })
    const url = new URL(`postgres://mintmark_server@localhost/${owner.database}`)
    url.searchParams.set('host', owner.host)
    url.searchParams.set('port', String(owner.port))

    await t.test('the server works with the restricted role', async (t) => {
      const { operations } = await testServer(t, { databaseUrl: url.href })
      await operations.realms.create(TESTER, 'acme')
      const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
      await operations.accounts.update(TESTER, 'acme', account.clientId, { enabled: false })
      await operations.secrets.reset(TESTER, 'acme', account.clientId)
      await operations.signingKeys.rotate(TESTER, 'acme')
      await operations.accounts.delete(TESTER, 'acme', account.clientId)
      t.equal((await operations.audit.list(TESTER, 'acme', { limit: 10 })).items.length, 6)
      await operations.realms.delete(TESTER, 'acme')
    })

    await t.test('the role cannot change audit events', async (t) => {
      const server = new pg.Client(url.href)
      await server.connect()
      for (const statement of [
        'update audit_events set actor_id = null',
        'delete from audit_events',
        'truncate audit_events',
        'drop table audit_events',
        'delete from audit_events_default',
        'truncate audit_events_default',
        "select audit_events_add_month('2020-01-01')",
        "select audit_events_pack('audit_events_default')",
        'select audit_events_split(now())',
        'create table mine partition of audit_events for values from (minvalue) to (now())',
        'delete from kysely_migration',
      ])
        await t.rejects(server.query(statement), { code: '42501' }, statement)
      await server.end()
    })

    await t.test('each table is named, so that its rights are decided', async (t) => {
      const { rows } = await owner.query<{ relname: string }>(
        `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
          and not relispartition order by 1`,
      )
      for (const { relname } of rows)
        t.match(SET_UP, new RegExp(`\\b${relname}\\b`), `docs/database-roles.sql names ${relname}`)
    })

    await t.test(
      'tables of later versions can be read and added to, until the set-up is run again',
      async (t) => {
        const rights = async (table: string) =>
          (
            await owner.query<{ privilege_type: string }>(
              `select privilege_type from information_schema.role_table_grants
            where grantee = 'mintmark_server' and table_name = $1 order by 1`,
              [table],
            )
          ).rows.map((row) => row.privilege_type)
        await owner.query('create table later (id int)')
        t.same(await rights('later'), ['INSERT', 'SELECT'])
        await owner.query('grant update, delete on audit_events, kysely_migration to mintmark_server')
        await owner.query(SET_UP)
        t.same(await rights('later'), ['INSERT', 'SELECT'])
        t.same(await rights('audit_events'), ['INSERT', 'SELECT'])
        t.same(await rights('kysely_migration'), ['SELECT'])
      },
    )

    await t.test('default rights of a set-up before are taken back', async (t) => {
      await owner.query(
        'alter default privileges in schema public grant select, insert, update, delete on tables to mintmark_server',
      )
      await owner.query(SET_UP)
      await owner.query('create table much_later (id int)')
      const server = new pg.Client(url.href)
      await server.connect()
      await t.rejects(server.query('delete from much_later'), { code: '42501' })
      await server.end()
    })
  },
)
