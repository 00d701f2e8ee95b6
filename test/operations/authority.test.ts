import t from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import type { Authority } from '../../src/domain/authority.ts'
import { TESTER, testServer } from '../support/server.ts'

function actor(authority: Authority): Actor {
  return { kind: 'portal', id: 'somebody', address: undefined, authority }
}

const ADMIN = actor({ platform: false, realm: 'acme', access: 'administer' })
const VIEWER = actor({ platform: false, realm: 'acme', access: 'view' })
const FIRST = { after: '', limit: 10 }
const NOBODY = actor({ platform: false, realm: 'acme', access: 'none' })

t.test('an administrator of one realm sees and changes that one alone', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.create(TESTER, 'other')
  await operations.accounts.create(ADMIN, 'acme', { name: 'CI' })
  t.equal((await operations.accounts.list(ADMIN, 'acme', FIRST)).items.length, 1)
  t.same(
    (await operations.realms.list(ADMIN, FIRST)).items.map((realm) => realm.name),
    ['acme'],
  )
  t.same((await operations.realms.list(ADMIN, { after: 'acme', limit: 10 })).items, [])
  const notFound = { code: 'not_found' }
  await t.rejects(operations.realms.find(ADMIN, 'other'), notFound)
  await t.rejects(operations.accounts.list(ADMIN, 'other', FIRST), notFound)
  await t.rejects(operations.accounts.create(ADMIN, 'other', { name: 'CI' }), notFound)
  await t.rejects(operations.signingKeys.list(ADMIN, 'other'), notFound)
  await t.rejects(operations.realms.create(ADMIN, 'third'), { code: 'forbidden' })
  await t.rejects(operations.masterKey.rotate(ADMIN), { code: 'forbidden' })
})

t.test('a viewer sees and changes nothing', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  t.equal((await operations.realms.find(VIEWER, 'acme')).name, 'acme')
  t.equal((await operations.accounts.find(VIEWER, 'acme', account.clientId)).name, 'CI')
  t.equal((await operations.signingKeys.list(VIEWER, 'acme')).length, 1)
  const forbidden = { code: 'forbidden' }
  await t.rejects(operations.accounts.create(VIEWER, 'acme', { name: 'x' }), forbidden)
  await t.rejects(operations.secrets.reset(VIEWER, 'acme', account.clientId), forbidden)
  await t.rejects(operations.accounts.update(VIEWER, 'acme', account.clientId, { enabled: false }), forbidden)
  await t.rejects(operations.accounts.delete(VIEWER, 'acme', account.clientId), forbidden)
  await t.rejects(operations.signingKeys.rotate(VIEWER, 'acme'), forbidden)
  await t.rejects(operations.signingKeys.revoke(VIEWER, 'acme', 'kid'), forbidden)
})

t.test('an actor without an administrative role sees no realm', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const forbidden = { code: 'forbidden' }
  await t.rejects(operations.realms.find(NOBODY, 'acme'), forbidden)
  await t.rejects(operations.realms.find(NOBODY, 'other'), forbidden)
  await t.rejects(operations.realms.list(NOBODY, FIRST), forbidden)
})

t.test('an administrator of realm system handles no platform administrator', async (t) => {
  const { operations } = await testServer(t)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const admin = actor({ platform: false, realm: 'system', access: 'administer' })
  const forbidden = { code: 'forbidden' }
  const roles = ['platform-admin']
  await t.rejects(operations.accounts.create(admin, 'system', { name: 'x', roles }), forbidden)
  await t.rejects(operations.secrets.reset(admin, 'system', 'root'), forbidden)
  await t.rejects(operations.accounts.delete(admin, 'system', 'root'), forbidden)
})

t.test(
  'an Account Admin gives every role of its realm, to itself too, but never platform-admin',
  async (t) => {
    const { operations } = await testServer(t)
    await operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
    const { account } = await operations.accounts.create(TESTER, 'acme', {
      name: 'Admin',
      roles: ['account-admin'],
    })
    const self: Actor = { ...ADMIN, kind: 'api', id: `acme/${account.clientId}` }
    await operations.resources.put(self, 'acme', {
      type: 'device',
      id: 'd1',
      name: 'Door',
      groups: [],
    })
    for (const role of ['view', 'operate', 'manage', 'introspect', 'deployer'])
      t.ok((await operations.accounts.addRole(self, 'acme', account.clientId, role)).roles.includes(role))
    t.ok(
      await operations.grants.add(self, 'acme', account.clientId, {
        role: 'operate',
        type: 'device',
        id: 'd1',
      }),
    )
    for (const roles of [['platform-admin'], ['view', 'platform-admin']])
      await t.rejects(operations.accounts.update(self, 'acme', account.clientId, { roles }), {
        code: 'forbidden',
      })
    await t.rejects(operations.accounts.addRole(self, 'acme', account.clientId, 'platform-admin'), {
      code: 'forbidden',
    })
  },
)

t.test('an account holds only roles that its realm has', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  const { account } = await operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    roles: ['deployer', 'manage'],
  })
  t.same(account.roles, ['deployer', 'manage'])
  for (const roles of [['unknown'], ['platform-admin'], ['view', 'view']])
    await t.rejects(operations.accounts.create(TESTER, 'acme', { name: 'x', roles }), {
      code: 'invalid',
      field: 'roles',
    })
})

t.test('an account may be given only scopes that its realm has', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { scopes: ['view', 'deploy'] })
  const { account } = await operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    scopes: ['deploy'],
  })
  t.same(account.scopes, ['deploy'])
  await t.rejects(operations.accounts.create(TESTER, 'acme', { name: 'x', scopes: ['delete'] }), {
    code: 'invalid',
    field: 'scopes',
  })
})
