import t from 'tap'
import { PLATFORM_ADMIN } from '../../src/domain/role.ts'
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
