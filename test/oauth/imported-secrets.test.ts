import t from 'tap'
import { ARGON2_COST } from '../../src/crypto/argon2-pool.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'when too many imported secrets wait to be compared, more are refused, and generated ones are not',
  async (t) => {
    // At the least cost, a fast machine would have compared the first before the last had come.
    const { app, operations } = await testServer(t, { hashCost: ARGON2_COST })
    await operations.realms.create(TESTER, 'acme')
    const imported = { clientId: 'legacy', clientSecret: 'correct horse' }
    await operations.accounts.create(TESTER, 'acme', { name: 'legacy', imported })
    const generated = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    const ask = (client_id: string, client_secret: string) =>
      app.inject({
        method: 'POST',
        url: '/realms/acme/protocol/openid-connect/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id,
          client_secret,
        }).toString(),
      })
    const crowd = Array.from({ length: 150 }, () => ask('legacy', 'correct horse'))
    const others = Array.from({ length: 20 }, () => ask(generated.account.clientId, generated.clientSecret))
    t.same(new Set((await Promise.all(others)).map(({ statusCode }) => statusCode)), new Set([200]))
    const answers = await Promise.all(crowd)
    const served = answers.filter(({ statusCode }) => statusCode === 200)
    const refused = answers.filter(({ statusCode }) => statusCode === 503)
    t.equal(served.length + refused.length, 150)
    t.ok(served.length >= 100 && refused.length > 0, `${served.length} served`)
    t.equal(refused[0]?.headers['retry-after'], '1')
    t.same(refused[0]?.json(), { error: 'temporarily_unavailable', error_description: 'Try again shortly.' })
  },
)

t.test('credentials that cannot be imported are refused by name', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const create = (clientId: string, clientSecret: string) =>
    operations.accounts.create(TESTER, 'acme', { name: 'x', imported: { clientId, clientSecret } })
  for (const clientId of ['', 'a b', 'x'.repeat(65), 'ü'])
    await t.rejects(create(clientId, 'correct horse'), { code: 'invalid', field: 'client_id' })
  for (const clientSecret of ['1234567', 'x'.repeat(257), 'with\0zero', 'with\nline'])
    await t.rejects(create('legacy', clientSecret), { code: 'invalid', field: 'client_secret' })
})
