import t from 'tap'
import { PLATFORM_ADMIN } from '../../src/domain/role.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { TESTER, testServer } from '../support/server.ts'

const report = (token: string) => [{ token, url: undefined, source: undefined }]

t.test(
  'a leaked secret of the last platform administrator is revoked, and the log says how to recover',
  async (t) => {
    const { operations, warnings } = await testServer(t)
    await operations.bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
    const { clientSecret } = await operations.secrets.reset(TESTER, 'system', 'root')
    await operations.leakedSecrets.report('system', report(clientSecret), '::1')
    const { items } = await operations.audit.list(TESTER, 'system', { limit: 1 })
    t.match(items, [{ action: 'service-account.leaked-secret', details: { last_administrator: true } }])
    t.match(
      warnings.at(-1),
      /last platform administrator .* mintmark service-account reset-secret --realm system root/,
    )
  },
)

t.test('an administrator whose secrets have all ended is not one who is left', async (t) => {
  const { operations, warnings } = await testServer(t)
  await operations.bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
  const made = await operations.accounts.create(TESTER, 'system', {
    name: 'second',
    roles: [PLATFORM_ADMIN],
  })
  await operations.leakedSecrets.report('system', report(made.clientSecret), '::1')
  t.same(warnings, [], 'one is left')
  const refused = { code: 'last_administrator' }
  await t.rejects(operations.accounts.delete(TESTER, 'system', 'root'), refused)
  await t.rejects(operations.accounts.removeRole(TESTER, 'system', 'root', PLATFORM_ADMIN), refused)
  await operations.secrets.reset(TESTER, 'system', made.account.clientId)
  await operations.accounts.delete(TESTER, 'system', 'root')
})

t.test('the last platform administrator keeps its last key, however it would end', async (t) => {
  const { operations, clock } = await testServer(t)
  await operations.bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
  const { key, account } = await operations.accounts.create(TESTER, 'system', {
    name: 'keyed',
    roles: [PLATFORM_ADMIN],
    key: { pem: testKeyPair().pem },
  })
  await operations.accounts.delete(TESTER, 'system', 'root')
  const { clientId } = account
  const kid = key?.kid as string
  const { accounts, clientKeys } = operations
  const refused = { code: 'last_administrator' }
  await t.rejects(clientKeys.delete(TESTER, 'system', clientId, { kid }), refused)
  await t.rejects(clientKeys.update(TESTER, 'system', clientId, { kid, expiresAt: clock.now }), refused)
  await t.rejects(accounts.update(TESTER, 'system', clientId, { authMethods: ['client_secret'] }), refused)
  t.match(await clientKeys.find(TESTER, 'system', clientId, kid), { expiresAt: undefined })
  t.same((await accounts.find(TESTER, 'system', clientId)).authMethods, ['private_key_jwt'])
  const second = await clientKeys.add(TESTER, 'system', clientId, { pem: testKeyPair().pem })
  await clientKeys.delete(TESTER, 'system', clientId, { kid })
  await accounts.update(TESTER, 'system', clientId, { authMethods: ['client_secret', 'private_key_jwt'] })
  await operations.secrets.reset(TESTER, 'system', clientId)
  await clientKeys.delete(TESTER, 'system', clientId, { kid: second.key.kid })
})

t.test('no administrator with a secret is bootstrapped where realm system allows keys alone', async (t) => {
  const { operations, warnings, clock } = await testServer(t)
  const { bootstrap, realms, accounts } = operations
  await bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
  await realms.update(TESTER, 'system', { allowedAuthMethods: ['private_key_jwt'] })
  const key = { pem: testKeyPair().pem, expiresAt: new Date(clock.now.getTime() + 60_000) }
  await accounts.create(TESTER, 'system', { name: 'keyed', roles: [PLATFORM_ADMIN], key })
  await accounts.delete(TESTER, 'system', 'root')
  t.equal(await bootstrap.createAdministrator('root', 'correct-horse-battery-staple'), false)
  t.same(warnings, [], 'there is one')
  clock.advance(120)
  t.equal(await bootstrap.createAdministrator('root', 'correct-horse-battery-staple'), false)
  t.match(warnings, [/BOOTSTRAP_ADMIN_CLIENT_ID: .*realm system does not allow client_secret/])
})
