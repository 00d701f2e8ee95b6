import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { platformAdministrator } from '../support/admin.ts'
import { until } from '../support/embedded.ts'
import { basic, post, testClient } from '../support/introspection.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('while the synchronous standby is lost, tokens go on and connections stay few', async (t) => {
  const database = await ownPostgres(t)
  await migrateToLatest(database.databaseUrl)
  const server = await testServer(t, { databaseUrl: database.databaseUrl })
  await server.operations.createRealm(TESTER, 'acme')
  const client = await testClient(server, 'CI')
  const administrate = await platformAdministrator(server)
  const token = async () =>
    (await post(server, 'token', { grant_type: 'client_credentials' }, { authorization: basic(client) }))
      .statusCode
  const change = async (n: number) =>
    (await administrate('POST', '/admin/realms/acme/service-accounts', { name: `n${n}` })).status
  const connections = async () => {
    const { rows } = await database.query(
      "select count(*)::int as n from pg_stat_activity where application_name = 'mintmark'",
    )
    return rows[0].n as number
  }

  await database.query("alter system set synchronous_standby_names = 'gone'")
  await database.query('select pg_reload_conf()')
  await until(async () => {
    const { rows } = await database.query('show synchronous_standby_names')
    return rows[0].synchronous_standby_names === 'gone'
  })
  for (let round = 0; round < 4; round++) {
    const changes = Array.from({ length: 50 }, (_, n) => change(round * 50 + n))
    for (let i = 0; i < 5; i++) {
      t.equal(await token(), 200)
      await sleep(50)
    }
    t.same(new Set(await Promise.all(changes)), new Set([503]))
    // The pool's 5, and one more for each of the two that are looked after.
    t.ok((await connections()) <= 7, `${await connections()} connections`)
  }
  t.equal(await token(), 200)

  await database.query('alter system reset synchronous_standby_names')
  await database.query('select pg_reload_conf()')
  let n = 1000
  await until(async () => (await change(n++)) === 201)
  t.equal(await token(), 200)
})
