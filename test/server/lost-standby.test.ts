import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { platformAdministrator } from '../support/admin.ts'
import { until } from '../support/embedded.ts'
import { basic, post, testClient } from '../support/introspection.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

/** Of the five connections of a test server. */
const ADMINISTRATION_POOL = 2

t.test('while the synchronous standby is lost, tokens go on and connections stay few', async (t) => {
  const database = await ownPostgres(t)
  await migrateToLatest(database.databaseUrl)
  const server = await testServer(t, { databaseUrl: database.databaseUrl })
  await server.operations.realms.create(TESTER, 'acme')
  // Changes of one realm take turns.
  for (let n = 0; n < 4; n++) await server.operations.realms.create(TESTER, `other${n}`)
  const client = await testClient(server, 'CI')
  const imported = { clientId: 'legacy', clientSecret: 'correct horse battery staple' }
  await server.operations.accounts.create(TESTER, 'acme', { name: 'legacy', imported })
  // The networks of imported secrets are remembered, which is a write.
  const importedToken = async (remoteAddress: string) => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      remoteAddress,
      headers: { authorization: basic(imported), 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'grant_type=client_credentials',
    })
    return answer.statusCode
  }
  const administrate = await platformAdministrator(server)
  const token = async () =>
    (await post(server, 'token', { grant_type: 'client_credentials' }, { authorization: basic(client) }))
      .statusCode
  const change = async (n: number) =>
    (await administrate('POST', `/admin/realms/other${n % 4}/service-accounts`, { name: `n${n}` })).status
  const waitingForStandby = async () => {
    const { rows } = await database.query(
      "select count(*)::int as n from pg_stat_activity where wait_event = 'SyncRep'",
    )
    return rows[0].n as number
  }

  await database.query("alter system set synchronous_standby_names = 'gone'")
  await database.query('select pg_reload_conf()')
  await until(async () => {
    const { rows } = await database.query('show synchronous_standby_names')
    return rows[0].synchronous_standby_names === 'gone'
  })
  for (let n = 0; n < 8; n++) t.equal(await importedToken(`203.0.113.${n}`), 200)
  t.equal(await token(), 200)
  for (let round = 0; round < 4; round++) {
    const changes = Array.from({ length: 50 }, (_, n) => change(round * 50 + n))
    for (let i = 0; i < 5; i++) {
      t.equal(await token(), 200)
      await sleep(50)
    }
    t.same(new Set(await Promise.all(changes)), new Set([503]))
    t.equal(await waitingForStandby(), ADMINISTRATION_POOL)
  }
  t.equal(await token(), 200)

  await database.query('alter system reset synchronous_standby_names')
  await database.query('select pg_reload_conf()')
  let n = 1000
  await until(async () => (await change(n++)) === 201)
  t.equal(await token(), 200)
})
