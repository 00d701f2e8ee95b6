import t, { type Test } from 'tap'
import type { Quota } from '../../src/domain/quota.ts'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Node = Pick<TestServer, 'app'>

async function setting(t: Test, quota: Quota | null, ofRealm: Quota | null = null) {
  const server = await testServer(t)
  server.clock.now = new Date('2026-05-05T10:20:00Z')
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { quota: ofRealm })
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI', quota })
  const { clientId } = account
  const ask = async (node: Node = server, more = '') => {
    const answer = await node.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: FORM,
      payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}${more}`,
    })
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
  }
  return { server, operations, clock: server.clock, ask, clientId }
}

t.test('an account gets the tokens of its quota, then 429 until the hour ends', async (t) => {
  const { server, ask, clock } = await setting(t, { tokensPerHour: 3, mode: 'enforce' })
  for (const left of [3, 2, 1]) {
    const { status, headers } = await ask()
    t.equal(status, 200)
    t.match(headers, {
      'ratelimit-limit': '3',
      'ratelimit-remaining': String(left),
      'ratelimit-reset': '2400',
    })
  }
  const refused = await ask()
  t.equal(refused.status, 429)
  t.match(refused.headers, { 'retry-after': '2400', 'ratelimit-remaining': '0', 'cache-control': 'no-store' })
  t.match(refused.body, {
    error: 'temporarily_unavailable',
    error_description: /3 tokens an hour is used up/,
  })
  t.match(
    server.log.at(-1),
    /"outcome":"quota_exceeded","reason":"the quota is used up: of the account, 3 tokens/,
  )
  clock.advance(2400)
  t.equal((await ask()).status, 200)
})

t.test('requests at the same time get no more tokens than are left', async (t) => {
  const { ask } = await setting(t, { tokensPerHour: 3, mode: 'enforce' })
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask()))
  t.equal(answers.filter(({ status }) => status === 200).length, 3)
  t.equal(answers.filter(({ status }) => status === 429).length, 17)
})

t.test('a request that is refused for another reason takes nothing of a quota', async (t) => {
  const { server, ask, clientId } = await setting(t, { tokensPerHour: 1, mode: 'enforce' })
  await server.operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  t.equal((await ask()).status, 401)
  await server.operations.accounts.update(TESTER, 'acme', clientId, { enabled: true })
  t.equal((await ask(server, '&scope=nope')).status, 400)
  t.equal((await ask()).status, 200)
  t.equal((await ask()).status, 429)
})

t.test('the limit that lasts longest is the one that a refusal names', async (t) => {
  const { ask, clock } = await setting(t, { tokensPerHour: 2, tokensPerDay: 3, mode: 'enforce' })
  for (const status of [200, 200, 429]) t.equal((await ask()).status, status)
  clock.advance(3600)
  t.match((await ask()).headers, { 'ratelimit-limit': '3', 'ratelimit-remaining': '1' })
  const { status, headers } = await ask()
  t.equal(status, 429)
  t.equal(headers['retry-after'], (12 * 3600 + 40 * 60).toString(), 'until midnight')
})

t.test('what other nodes issued counts after their next refresh, and after a restart', async (t) => {
  const { server, operations, ask, clock } = await setting(t, { tokensPerDay: 4, mode: 'enforce' })
  const other = await testServer(t, { databaseUrl: server.databaseUrl, clock })
  for (const node of [server, other, server]) t.equal((await ask(node)).status, 200)
  await operations.quotas.refresh()
  await other.operations.quotas.refresh()
  await operations.quotas.refresh()
  t.equal((await ask(other)).status, 200, 'the fourth')
  t.equal((await ask(other)).status, 429)
  await other.operations.quotas.refresh()
  t.equal((await ask()).status, 200, 'this node knows of three')
  await operations.quotas.refresh()
  t.equal((await ask()).status, 429)
  const started = await testServer(t, { databaseUrl: server.databaseUrl, clock })
  t.equal((await ask(started)).status, 200, 'it has not read yet')
  await started.operations.quotas.refresh()
  t.equal((await ask(started)).status, 429)
})

t.test('a monitored quota refuses nothing, and is logged and counted', async (t) => {
  const { server, operations, ask } = await setting(t, { tokensPerHour: 1, mode: 'monitor' })
  t.equal((await ask()).status, 200)
  t.notMatch(server.log.at(-1), /quota_exceeded/)
  const { status, headers } = await ask()
  t.equal(status, 200)
  t.equal(headers['ratelimit-limit'], undefined)
  t.match(server.log.at(-1), /"quota_exceeded":"the account, 1 tokens in the hour"/)
  t.same([...operations.quotas.count()], [['monitor', 1]])
})

t.test('a quota that is off is not looked at', async (t) => {
  const { ask } = await setting(t, { tokensPerHour: 1, mode: 'off' })
  for (let n = 0; n < 3; n++) t.equal((await ask()).status, 200)
})

t.test('the quota of a realm is that of all its accounts together', async (t) => {
  const { server, operations, ask } = await setting(t, null, { tokensPerHour: 2, mode: 'enforce' })
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'other' })
  t.equal((await ask()).status, 200)
  const answer = await server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: FORM,
    payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  })
  t.equal(answer.statusCode, 200)
  t.equal((await ask()).status, 429)
  t.match(server.log.at(-1), /of the realm, 2 tokens in the hour/)
})

t.test('a change of a quota counts for the next request', async (t) => {
  const { operations, ask, clientId } = await setting(t, { tokensPerHour: 1, mode: 'enforce' })
  t.equal((await ask()).status, 200)
  t.equal((await ask()).status, 429)
  await operations.accounts.update(TESTER, 'acme', clientId, { quota: { tokensPerHour: 2, mode: 'enforce' } })
  t.equal((await ask()).status, 200)
  t.equal((await ask()).status, 429)
  await operations.accounts.update(TESTER, 'acme', clientId, { quota: null })
  t.equal((await ask()).status, 200)
})

t.test('a database that is away lets a node go on with what it knows', async (t) => {
  const { server, operations, ask, clientId } = await setting(t, { tokensPerHour: 2, mode: 'enforce' })
  t.equal((await ask()).status, 200)
  const restore = await server.cutDatabase()
  await t.rejects(operations.quotas.refresh())
  await restore()
  t.equal((await ask()).status, 200)
  await operations.quotas.refresh()
  t.equal((await ask()).status, 429)
  await operations.tokenCounts.write()
  t.match((await operations.activity.ofRealm(TESTER, 'acme')).hour, [{ issued: 2, refused: 1 }])
  t.match((await operations.activity.ofAccount(TESTER, 'acme', clientId)).hour, [{ issued: 2, refused: 1 }])
})

t.test(
  'quotas are set over the API: of accounts by their administrators, of realms by the platform',
  async (t) => {
    const { server, clientId } = await setting(t, null)
    const own = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
    const path = `/admin/realms/acme/service-accounts/${clientId}`
    const quota = { tokens_per_hour: null, tokens_per_day: 5, mode: 'enforce' }
    t.match(await own('PATCH', path, { quota: { tokens_per_day: 5 } }), { status: 200, body: { quota } })
    t.same((await own('GET', path)).body.quota, quota)
    for (const wrong of [
      {},
      { tokens_per_day: 0 },
      { tokens_per_day: 1.5 },
      { mode: 'soft' },
      { tokens: 1 },
      5,
    ])
      t.match(
        await own('PATCH', path, { quota: wrong }),
        { status: 400, body: { type: /invalid/ } },
        String(wrong),
      )
    t.match(await own('PATCH', path, { quota: null }), { status: 200, body: { quota: null } })
    const made = await own('POST', '/admin/realms/acme/service-accounts', { name: 'new', quota })
    t.match(made, { status: 201, body: { quota } })
    t.equal((await own('PATCH', '/admin/realms/acme', { quota })).status, 403)
    const platform = await platformAdministrator(server)
    t.match(await platform('PATCH', '/admin/realms/acme', { quota }), { status: 200, body: { quota } })
  },
)
