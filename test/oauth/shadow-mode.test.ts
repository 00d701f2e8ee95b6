import t, { type Test } from 'tap'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { query } from '../support/assertion.ts'
import { introspect } from '../support/introspection.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const TOKEN = '/realms/acme/protocol/openid-connect/token'

async function setting(t: Test) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'ci' })
  const right = { grant_type: 'client_credentials', client_id: account.clientId, client_secret: clientSecret }
  const ask = asker(server)
  const shadow = (shadowMode: boolean) => operations.realms.update(TESTER, 'acme', { shadowMode })
  const report = async () => {
    await operations.shadow.write()
    return operations.shadow.report(TESTER, 'acme')
  }
  return { server, operations, ask, right, clientId: account.clientId, shadow, report }
}

function asker({ app }: Pick<TestServer, 'app'>) {
  return (form: Record<string, string> | string, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: TOKEN,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    })
}

t.test('a realm in shadow mode answers 204 without a token, and counts it', async (t) => {
  const { ask, right, clientId, shadow, report, operations } = await setting(t)
  t.equal((await ask(right)).statusCode, 200)
  await shadow(true)
  const answer = await ask(right)
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(await report(), { shadowMode: true, issuedClients: 1, refused: [] })
  t.same([...(await report()).totals], [['issued', 1]])
  await shadow(false)
  t.equal((await ask(right)).statusCode, 200, 'from the next request on')
  await operations.uses.write()
  t.ok((await operations.accounts.find(TESTER, 'acme', clientId)).lastUsedAt)
})

t.test('a request in shadow mode is no use of the account', async (t) => {
  const { ask, right, clientId, shadow, operations } = await setting(t)
  await shadow(true)
  await ask(right)
  await operations.uses.write()
  t.equal((await operations.accounts.find(TESTER, 'acme', clientId)).lastUsedAt, undefined)
})

t.test(
  'a realm in shadow mode answers 204 to what would have failed, and counts it by client and reason',
  async (t) => {
    const { server, ask, right, clientId, shadow, report, operations } = await setting(t)
    await shadow(true)
    const basic = `Basic ${Buffer.from(`${clientId}:x`).toString('base64')}`
    const answers = [
      await ask({ ...right, client_secret: 'wrong' }),
      await ask({ ...right, client_secret: 'wrong again' }),
      await ask({ grant_type: 'client_credentials' }, { authorization: basic }),
      await ask({ ...right, client_id: 'plant-7' }),
      await ask({ ...right, scope: 'nope' }),
      await ask({ ...right, resource: 'https://nope.test' }),
      await ask({ grant_type: 'client_credentials', client_id: clientId }),
      await ask({ ...right, grant_type: 'password' }),
      await ask({ client_id: clientId }),
      await ask('grant_type=a&grant_type=b'),
      await ask('{}', { 'content-type': 'application/json' }),
    ]
    await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
    answers.push(await ask(right))
    for (const { statusCode, body } of answers) t.same([statusCode, body], [204, ''])
    const { refused, totals } = await report()
    t.same(
      refused.map((one) => `${one.clientId} ${one.reason} ${one.count}`).sort(),
      [
        ' invalid_request 2',
        `${clientId} account_disabled 1`,
        `${clientId} invalid_request 1`,
        `${clientId} invalid_scope 1`,
        `${clientId} invalid_target 1`,
        `${clientId} no_credentials 1`,
        `${clientId} unsupported_grant_type 1`,
        `${clientId} wrong_secret 3`,
        'plant-7 unknown_client 1',
      ].sort(),
    )
    t.equal(totals.get('issued'), undefined)
    t.equal(refused[0]?.reason, 'wrong_secret', 'the most frequent first')
    t.match(server.log.join('\n'), '"outcome":"shadow_invalid_client"')
  },
)

t.test('shadow mode changes nothing but the token endpoint, and no other realm', async (t) => {
  const { server, ask, right, operations, shadow, report } = await setting(t)
  const before = (await ask(right)).json().access_token
  const asker = await operations.accounts.create(TESTER, 'acme', { name: 'api', roles: ['introspect'] })
  await shadow(true)
  const introspector = { clientId: asker.account.clientId, clientSecret: asker.clientSecret, token: '' }
  t.match(await introspect(server, introspector, before), '"active":true')
  const unknown = await server.app.inject({ method: 'POST', url: TOKEN.replace('acme', 'nope'), payload: '' })
  t.equal(unknown.statusCode, 404)
  await operations.realms.create(TESTER, 'other')
  const other = await server.app.inject({
    method: 'POST',
    url: TOKEN.replace('acme', 'other'),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(right).toString(),
  })
  t.equal(other.statusCode, 401)
  t.same((await report()).totals.size, 0)
})

t.test('the other nodes heed a change of shadow mode at the next request', async (t) => {
  const { server, ask, right, shadow } = await setting(t)
  const other = asker(await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock }))
  for (const mode of [true, false, true]) {
    await shadow(mode)
    for (const node of [other, ask]) {
      t.equal((await node(right)).statusCode, mode ? 204 : 200)
      t.equal((await node({ ...right, client_secret: 'x' })).statusCode, mode ? 204 : 401)
    }
  }
})

t.test('counts of all nodes add up, and a failed write is tried again', async (t) => {
  const { server, ask, right, shadow, report, operations } = await setting(t)
  const second = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  await shadow(true)
  await ask(right)
  await asker(second)(right)
  const join = await server.cutDatabase()
  await t.rejects(operations.shadow.write())
  await join()
  await ask(right)
  await second.operations.shadow.write()
  t.equal((await report()).totals.get('issued'), 3)
  t.equal(await operations.shadow.write(), 0)
})

t.test('strangers take no more than a bounded number of rows, and accounts always have theirs', async (t) => {
  const { server, operations, clientId, shadow, report, ask, right } = await setting(t)
  await shadow(true)
  await ask(right)
  const { OAuthError } = await import('../../src/domain/oauth-error.ts')
  const refusal = new OAuthError('invalid_client', 'x', 'unknown client', 'unknown_client')
  for (let n = 0; n < 25_000; n++) operations.shadow.noteRefusal('acme', `stranger-${n}`, refusal)
  operations.shadow.noteRefusal('acme', clientId, refusal)
  await report()
  for (let n = 0; n < 500; n++) operations.shadow.noteRefusal('acme', `later-${n}`, refusal)
  operations.shadow.noteRefusal('acme', clientId, refusal)
  const { totals, refused } = await report()
  t.equal(totals.get('unknown_client'), 25_502, 'all are counted')
  const [{ n }] = (await query(server, 'select count(*)::int as n from shadow_counts')) as [{ n: number }]
  t.ok(n <= 1010, `${n} rows`)
  t.ok(
    refused.some((one) => one.clientId === clientId),
    'an account among many strangers',
  )
  t.equal(refused[0]?.clientId, '')
})

t.test('what may be a secret in the place of a client_id is not stored whole', async (t) => {
  const { server, ask, right, shadow, report } = await setting(t)
  await shadow(true)
  const secrets = [
    right.client_secret,
    'kX8vq2WtR7nPz4mBkX8vq2WtR7nPz4mB',
    `x${'\u0000'}y`,
    'a b',
    'x'.repeat(5000),
  ]
  for (const client_id of secrets) await ask({ ...right, client_id })
  const { refused } = await report()
  t.same(
    [...new Set(refused.map((one) => one.clientId))],
    ['', 'kX8v…', `mm_${right.client_secret.slice(3, 4)}…`],
  )
  const rows = JSON.stringify(await query(server, 'select * from shadow_counts'))
  for (const secret of secrets) t.notOk(rows.includes(secret))
})

t.test('administrators alone read the counts of shadow mode, and forget them', async (t) => {
  const { server, ask, right, operations, report } = await setting(t)
  const client = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  const admin = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  await operations.realms.create(TESTER, 'other')
  const stranger = asking(server, (await adminToken(server, 'other', ['account-admin'])).token)
  t.equal((await admin('PATCH', '/admin/realms/acme', { shadow_mode: true })).body.shadow_mode, true)
  await ask({ ...right, client_id: 'plant-7' })
  await report()
  const path = '/admin/realms/acme/shadow'
  const { body } = await admin('GET', path)
  t.match(body, { shadow_mode: true, totals: { unknown_client: 1 }, issued_clients: 0 })
  t.match(body.refused, [{ client_id: 'plant-7', reason: 'unknown_client', count: 1 }])
  for (const other of [client, stranger])
    for (const method of ['GET', 'DELETE'] as const)
      t.ok([403, 404].includes((await other(method, path)).status))
  t.equal((await admin('DELETE', path)).status, 204)
  t.match((await admin('GET', path)).body, { shadow_mode: true, since: null, totals: {}, refused: [] })
})

t.test('the realm system has no shadow mode, which would lock out administrators', async (t) => {
  const { server } = await setting(t)
  const ask = await platformAdministrator(server)
  const refused = await ask('PATCH', '/admin/realms/system', { shadow_mode: true })
  t.equal(refused.status, 400)
  t.match(refused.body.detail, 'its administrators would get no tokens')
})

t.test('metrics count requests in shadow mode by reason', async (t) => {
  const { server, ask, right, shadow } = await setting(t)
  await shadow(true)
  await ask(right)
  await ask({ ...right, client_secret: 'x' })
  const { body } = await server.app.inject('/metrics')
  t.match(body, 'mintmark_shadow_requests_total{reason="issued"} 1')
  t.match(body, 'mintmark_shadow_requests_total{reason="wrong_secret"} 1')
})

t.test('the counts of a deleted realm are deleted', async (t) => {
  const { server, ask, right, shadow, report, operations } = await setting(t)
  await shadow(true)
  await ask(right)
  await report()
  await operations.realms.delete(TESTER, 'acme')
  t.same(await query(server, 'select * from shadow_counts'), [])
})
