import { fastify } from 'fastify'
import pg from 'pg'
import t from 'tap'
import { answerAdminError } from '../../src/http/admin/problem.ts'
import { platformAdministrator } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('a fault of ours says nothing of itself', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  app.setErrorHandler(answerAdminError)
  app.get('/', () => {
    throw new Error('the inside of the server')
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 500)
  t.match(answer.json(), { type: 'urn:mintmark:problem:server-error', status: 500 })
  t.notMatch(answer.body, 'inside')
})

t.test(
  'a change that the database does not make in time is answered 503, and says that it may have been made',
  async (t) => {
    const server = await testServer(t)
    const ask = await platformAdministrator(server)
    await server.operations.realms.create(TESTER, 'acme')
    const client = new pg.Client(server.databaseUrl)
    await client.connect()
    await client.query("begin; select from realms where name = 'acme' for update")
    const { status, headers, body } = await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })
    await client.end()
    t.equal(status, 503)
    t.equal(String(headers['retry-after']), '1')
    t.match(body, { type: 'urn:mintmark:problem:temporarily-unavailable', detail: /may have been applied/ })
    t.match(server.log.join(''), /"reason":"database: canceling statement due to statement timeout"/)
    t.equal((await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })).status, 201)
  },
)

t.test('a change that fails leaves no line, and one that leaves no line is not made', async (t) => {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const count = async (table: string) =>
    Number((await client.query(`select count(*) from ${table}`)).rows[0].count)
  const accounts = await count('service_accounts')
  const lines = await count('audit_events')

  await client.query(
    "alter table client_secrets add constraint fails check (created_at < '2000-01-01') not valid",
  )
  t.equal((await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })).status, 500)
  await client.query('alter table client_secrets drop constraint fails')
  t.equal(await count('audit_events'), lines)

  await client.query("alter table audit_events add constraint fails check (action = '') not valid")
  t.equal((await ask('POST', '/admin/realms/acme/service-accounts', { name: 'CI' })).status, 500)
  await client.query('alter table audit_events drop constraint fails')
  t.equal(await count('service_accounts'), accounts)
  t.equal((await ask('GET', '/admin/realms/acme')).body.service_account_count, 0)
})
