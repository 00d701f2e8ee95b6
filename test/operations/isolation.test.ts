import pg from 'pg'
import t, { type Test } from 'tap'
import { PLATFORM_ADMIN } from '../../src/domain/role.ts'
import { testDatabase, untilLocked } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

/** Two nodes on a database of that default, and a session of the test's own beside them. */
async function onDatabaseWith(t: Test, isolation: string) {
  const databaseUrl = await testDatabase(t)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const name = new URL(databaseUrl).pathname.slice(1)
  await client.query(`alter database ${name} set default_transaction_isolation = '${isolation}'`)
  const one = await testServer(t, { databaseUrl })
  const other = await testServer(t, { databaseUrl })

  /** Both begin before either of them gets the realm. */
  async function atOnce(realm: string, starts: readonly (() => Promise<unknown>)[]): Promise<string[]> {
    await client.query('begin')
    await client.query('select from realms where name = $1 for update', [realm])
    const settled = Promise.allSettled(starts.map((start) => start()))
    await untilLocked(databaseUrl, starts.length)
    await client.query('rollback')
    return (await settled).map((each) => (each.status === 'fulfilled' ? 'done' : each.reason.code))
  }
  return { one: one.operations, other: other.operations, atOnce }
}

for (const isolation of ['repeatable read', 'serializable']) {
  t.test(`two administrators cannot demote each other where the default is ${isolation}`, async (t) => {
    const { one, other, atOnce } = await onDatabaseWith(t, isolation)
    await one.bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
    const made = await one.accounts.create(TESTER, 'system', { name: 'second', roles: [PLATFORM_ADMIN] })
    const outcomes = await atOnce('system', [
      () => one.accounts.removeRole(TESTER, 'system', 'root', PLATFORM_ADMIN),
      () => other.accounts.removeRole(TESTER, 'system', made.account.clientId, PLATFORM_ADMIN),
    ])
    t.same(outcomes.sort(), ['done', 'last_administrator'])
  })

  t.test(`a role is not dropped while it is given where the default is ${isolation}`, async (t) => {
    const { one, other, atOnce } = await onDatabaseWith(t, isolation)
    await one.realms.create(TESTER, 'acme', { roles: ['deployer'] })
    const { account } = await one.accounts.create(TESTER, 'acme', { name: 'CI' })
    const outcomes = await atOnce('acme', [
      () => one.accounts.addRole(TESTER, 'acme', account.clientId, 'deployer'),
      () => other.realms.update(TESTER, 'acme', { roles: [] }),
    ])
    const { roles } = await one.accounts.find(TESTER, 'acme', account.clientId)
    t.equal(outcomes.filter((outcome) => outcome === 'done').length, 1, outcomes.join())
    t.equal(roles.includes('deployer'), (await one.realms.find(TESTER, 'acme')).roles.includes('deployer'))
  })

  t.test(`a realm's limit holds where the default is ${isolation}`, async (t) => {
    const { one, other, atOnce } = await onDatabaseWith(t, isolation)
    await one.realms.create(TESTER, 'acme', { serviceAccountLimit: 1 })
    const outcomes = await atOnce('acme', [
      () => one.accounts.create(TESTER, 'acme', { name: 'first' }),
      () => other.accounts.create(TESTER, 'acme', { name: 'second' }),
    ])
    t.same(outcomes.sort(), ['done', 'limit_reached'])
  })
}
