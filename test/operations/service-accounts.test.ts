import t from 'tap'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  return { ...server, clientId: account.clientId, account }
}

t.test('absent members of an update stay', async (t) => {
  const { operations, clientId, account } = await acme(t)
  const update = { name: 'Renamed', description: ' for the pipeline ', roles: ['deployer'], scopes: ['view'] }
  const updated = await operations.accounts.update(TESTER, 'acme', clientId, update)
  t.match(updated, { ...update, description: 'for the pipeline', version: account.version + 1 })
  const disabled = await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  t.ok(disabled.disabledAt)
  t.match(disabled, { name: 'Renamed', roles: ['deployer'] })
  const enabled = await operations.accounts.update(TESTER, 'acme', clientId, {
    enabled: true,
    scopes: null,
  })
  t.equal(enabled.disabledAt, undefined)
  t.equal(enabled.scopes, undefined)
})

t.test('an update that changes nothing leaves the version alone', async (t) => {
  const { operations, clientId, account } = await acme(t)
  const same = await operations.accounts.update(TESTER, 'acme', clientId, { name: 'CI', enabled: true })
  t.equal(same.version, account.version)
})

t.test('of two updates based on one version, the second is refused', async (t) => {
  const { operations, clientId, account } = await acme(t)
  const update = (name: string) =>
    operations.accounts.update(TESTER, 'acme', clientId, { name, expectedVersion: account.version })
  const settled = await Promise.allSettled([update('A'), update('B')])
  t.same(settled.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const lost = settled.find((one) => one.status === 'rejected')
  t.match(lost?.reason, { code: 'changed_meanwhile' })
})

t.test('an update is refused where creation would be', async (t) => {
  const { operations, clientId } = await acme(t)
  await operations.accounts.create(TESTER, 'acme', { name: 'Other' })
  const update = (changes: object) => operations.accounts.update(TESTER, 'acme', clientId, changes)
  await t.rejects(update({ name: ' oTHER ' }), { code: 'name_taken', field: 'name' })
  await t.rejects(update({ name: '' }), { code: 'invalid', field: 'name' })
  await t.rejects(update({ description: '\u0007' }), { code: 'invalid', field: 'description' })
  await t.rejects(update({ roles: ['nothing'] }), { code: 'invalid', field: 'roles' })
  await t.rejects(update({ scopes: ['nothing'] }), { code: 'invalid', field: 'scopes' })
  await t.rejects(operations.accounts.update(TESTER, 'acme', 'nobody', { name: 'x' }), {
    code: 'not_found',
  })
  await t.rejects(operations.accounts.update(TESTER, 'nowhere', 'nobody', { name: 'x' }), {
    code: 'not_found',
  })
})

t.test('a name can be had again once its account is renamed or deleted', async (t) => {
  const { operations, clientId } = await acme(t)
  await operations.accounts.update(TESTER, 'acme', clientId, { name: 'CI 2' })
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await operations.accounts.delete(TESTER, 'acme', account.clientId)
  t.equal((await operations.accounts.create(TESTER, 'acme', { name: 'ci' })).account.name, 'ci')
})

t.test('the list is paged, and filtered by part of a name and by time since last use', async (t) => {
  const { operations, clock } = await acme(t)
  for (const name of ['Alpha', 'beta', 'ALPHABET']) await operations.accounts.create(TESTER, 'acme', { name })
  const names: string[] = []
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = await operations.accounts.list(TESTER, 'acme', { after, limit: 2 })
    names.push(...page.items.map(({ name }) => name))
    after = page.next
  }
  t.same(names, ['Alpha', 'ALPHABET', 'beta', 'CI'])
  const find = async (filter: object) =>
    (await operations.accounts.list(TESTER, 'acme', { after: '', limit: 10, ...filter })).items.map(
      ({ name }) => name,
    )
  t.same(await find({ nameContains: 'BET' }), ['ALPHABET', 'beta'])
  t.same(await find({ nameContains: '%' }), [])
  const before = clock.now
  clock.advance(60)
  await operations.accounts.create(TESTER, 'acme', { name: 'new' })
  t.same(await find({ unusedSince: clock.now }), ['Alpha', 'ALPHABET', 'beta', 'CI'])
  t.same(await find({ unusedSince: before }), [])
})

t.test('concurrent changes never remove the last platform administrator', async (t) => {
  const { operations } = await testServer(t)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const last = { code: 'last_administrator' }
  await t.rejects(operations.accounts.delete(TESTER, 'system', 'root'), last)
  await t.rejects(operations.accounts.update(TESTER, 'system', 'root', { enabled: false }), last)
  await t.rejects(operations.accounts.update(TESTER, 'system', 'root', { roles: ['view'] }), last)
  await operations.accounts.update(TESTER, 'system', 'root', { roles: ['platform-admin', 'view'] })

  const { account } = await operations.accounts.create(TESTER, 'system', {
    name: 'second',
    roles: ['platform-admin'],
  })
  const settled = await Promise.allSettled([
    operations.accounts.delete(TESTER, 'system', account.clientId),
    operations.accounts.update(TESTER, 'system', 'root', { enabled: false }),
  ])
  t.same(settled.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})
