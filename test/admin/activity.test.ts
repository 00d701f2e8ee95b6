import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('the activity of accounts and realms is told to those who may see them', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.create(TESTER, 'beta')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'quiet' })
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  await operations.tokenCounts.write()
  const ask = asking(server, token)
  const startsAt = (seconds: number) =>
    new Date(Math.floor(server.clock.now.getTime() / 1000 / seconds) * seconds * 1000).toISOString()
  const counts = {
    hours: [{ starts_at: startsAt(3600), issued: 1, refused: 0 }],
    days: [{ starts_at: startsAt(86_400), issued: 1, refused: 0 }],
  }
  t.match(await ask('GET', '/admin/realms/acme/activity'), {
    status: 200,
    body: { ...counts, busiest_today: [{ client_id: clientId, issued: 1, refused: 0 }] },
  })
  const path = '/admin/realms/acme/service-accounts'
  const own = (await ask('GET', `${path}/${clientId}/activity`)).body
  t.same({ ...own, origins: undefined }, { ...counts, refusals: [], origins: undefined })
  t.match(own, { origins: [{ outcome: 'issued', address: '127.0.0.1' }] })
  const none = { hours: [], days: [], refusals: [], origins: [] }
  t.same((await ask('GET', `${path}/${account.clientId}/activity`)).body, none)
  t.match(await ask('GET', `${path}/nope/activity`), { status: 404, body: { type: /not-found/ } })
  t.equal((await ask('GET', '/admin/realms/beta/activity')).status, 404)
  t.equal((await ask('GET', '/admin/realms/acme/activity?days=3')).status, 400)
})
