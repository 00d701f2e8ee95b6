import t from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import { TESTER, testServer } from '../support/server.ts'

const ADMIN: Actor = {
  ...TESTER,
  kind: 'portal',
  authority: { platform: false, realm: 'acme', access: 'administer' },
}

t.test('absent members of a realm’s update stay', async (t) => {
  const { operations } = await testServer(t)
  const realm = await operations.realms.create(TESTER, 'acme', { audiences: ['https://api.test'] })
  const update = { displayName: 'Acme', tokenLifetimeSeconds: 60, roles: ['deployer'] }
  const updated = await operations.realms.update(ADMIN, 'acme', update)
  t.match(updated, { ...update, audiences: ['https://api.test'], algorithm: 'ES256' })
  t.ok(BigInt(updated.version) > BigInt(realm.version))
  await t.rejects(operations.realms.update(ADMIN, 'acme', { expectedVersion: realm.version, roles: [] }), {
    code: 'changed_meanwhile',
  })
  await t.rejects(operations.realms.update(ADMIN, 'acme', { tokenLifetimeSeconds: 10 }), {
    code: 'invalid',
    field: 'token_lifetime_seconds',
  })
  await t.rejects(operations.realms.update(ADMIN, 'acme', { displayName: 'x'.repeat(201) }), {
    code: 'invalid',
    field: 'display_name',
  })
  await t.rejects(operations.realms.update(TESTER, 'nowhere', {}), { code: 'not_found' })
})

t.test('a new algorithm takes over by rotation', async (t) => {
  const { operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.update(TESTER, 'acme', { algorithm: 'EdDSA' })
  await operations.signingKeys.rotateDue()
  const algorithms = async () =>
    (await operations.signingKeys.list(TESTER, 'acme')).map(({ algorithm, state }) => `${algorithm} ${state}`)
  t.same((await algorithms()).sort(), ['ES256 current', 'EdDSA next'])
  clock.advance(425)
  await operations.signingKeys.rotateDue()
  t.same((await algorithms()).sort(), ['ES256 retired', 'EdDSA current'])
})

t.test('only the platform says how many accounts a realm may have, and ends a realm', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.update(ADMIN, 'acme', { serviceAccountLimit: 25 })
  await t.rejects(operations.realms.update(ADMIN, 'acme', { serviceAccountLimit: 26 }), { code: 'forbidden' })
  t.equal(
    (await operations.realms.update(TESTER, 'acme', { serviceAccountLimit: 26 })).serviceAccountLimit,
    26,
  )
  await t.rejects(operations.realms.delete(ADMIN, 'acme'), { code: 'forbidden' })
})

t.test('a role that somebody holds stays in the realm', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { roles: ['deployer', 'unused'] })
  const { account } = await operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    roles: ['deployer'],
  })
  await t.rejects(operations.realms.update(TESTER, 'acme', { roles: [] }), {
    code: 'conflict',
    field: 'roles',
  })
  await operations.realms.update(TESTER, 'acme', { roles: ['deployer'] })
  await operations.accounts.update(TESTER, 'acme', account.clientId, { roles: [] })
  t.same((await operations.realms.update(TESTER, 'acme', { roles: [] })).roles, [])
})

t.test('with a realm everything in it goes', async (t) => {
  const { app, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  t.equal((await app.inject('/realms/acme/protocol/openid-connect/certs')).statusCode, 200)
  await operations.realms.delete(TESTER, 'acme')
  t.equal((await app.inject('/realms/acme/protocol/openid-connect/certs')).statusCode, 404)
  await t.rejects(operations.realms.delete(TESTER, 'acme'), { code: 'not_found' })
  const again = await operations.realms.create(TESTER, 'acme')
  t.equal(again.serviceAccountCount, 0)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await t.rejects(operations.realms.delete(TESTER, 'system'), { code: 'invalid' })
})
