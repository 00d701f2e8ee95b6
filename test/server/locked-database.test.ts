import pg from 'pg'
import t from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { until } from '../support/embedded.ts'
import { TESTER, testServer } from '../support/server.ts'

for (const [lock, statement] of [
  ['a row that changes need', "select from realms where name = 'acme' for update"],
  ['a table that tokens need', 'lock table client_secrets in access exclusive mode'],
])
  t.test(`while another session locks ${lock}, no more connections are open than the pool has`, async (t) => {
    const server = await testServer(t)
    const ask = await platformAdministrator(server)
    await server.operations.realms.create(TESTER, 'acme')
    const made = { name: 'first' }
    const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', made)
    const client = new pg.Client(server.databaseUrl)
    await client.connect()
    t.teardown(() => client.end())
    const connections = async () => {
      const { rows } = await client.query(`select count(*)::int as n from pg_stat_activity
        where datname = current_database() and application_name = 'mintmark'`)
      return rows[0].n as number
    }
    const requestToken = () =>
      server.app.inject({
        method: 'POST',
        url: '/realms/acme/protocol/openid-connect/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
      })

    await client.query(`begin; ${statement}`)
    const answers = []
    for (let i = 0; i < 20; i++)
      answers.push(ask('POST', '/admin/realms/acme/service-accounts', { name: `n${i}` }), requestToken())
    const settled = await Promise.all(answers)
    t.ok(settled.some((answer) => ('status' in answer ? answer.status : answer.statusCode) === 503))
    // Those that were given up end, though the lock is held on.
    await until(async () => (await connections()) <= 5)
    await client.query('rollback')
    await until(async () => (await requestToken()).statusCode === 200)
  })
