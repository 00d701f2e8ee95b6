import t from 'tap'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'a first start has a realm to try things with, and an administrator where one is asked for',
  async (t) => {
    const { operations } = await testServer(t)
    t.equal(await operations.bootstrap.createAdministrator('root', 'a secret of the platform'), true)
    t.equal(await operations.bootstrap.createAdministrator('root', 'another secret'), false)
    const demo = await operations.bootstrap.createDemo()
    t.equal(demo?.account.name, 'demo')
    t.equal(await operations.bootstrap.createDemo(), undefined)
  },
)

t.test('a server that has a realm gets none to try things with', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  t.equal(await operations.bootstrap.createDemo(), undefined)
})

t.test('of nodes that start at once, one creates the administrator and the demo', async (t) => {
  const { operations } = await testServer(t)
  const made = await Promise.all(
    Array.from({ length: 5 }, () =>
      operations.bootstrap.createAdministrator('root', 'a secret of the platform'),
    ),
  )
  t.equal(made.filter(Boolean).length, 1)
  const demos = await Promise.all(Array.from({ length: 5 }, () => operations.bootstrap.createDemo()))
  t.equal(demos.filter(Boolean).length, 1)
  for (const realm of [undefined, 'system', 'demo']) {
    const { items } = await operations.audit.list(TESTER, realm, { limit: 100 })
    t.same(
      items.filter(({ outcome }) => outcome === 'refused'),
      [],
      'a node that comes second was not refused anything',
    )
  }
})
