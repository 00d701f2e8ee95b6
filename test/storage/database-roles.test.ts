import { readFileSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'in the role of the set-up the server does all its work but cannot change the audit trail',
  async (t) => {
    const owner = new pg.Client(await testDatabase(t))
    await owner.connect()
    await owner.query(readFileSync('docs/database-roles.sql', 'utf8'))
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
        'delete from kysely_migration',
      ])
        await t.rejects(server.query(statement), { code: '42501' }, statement)
      await server.end()
    })
  },
)
