import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { askWith, keyClient } from '../support/assertion.ts'
import { acme, introspect } from '../support/introspection.ts'
import { bound, platformForm, testPlatform, trust } from '../support/platform.ts'
import { recordStatements } from '../support/query-plans.ts'
import { TESTER, type TestServer } from '../support/server.ts'

interface Client {
  readonly clientId: string
  readonly clientSecret: string
}

async function ask(
  { app }: Pick<TestServer, 'app'>,
  form: Record<string, string>,
  { remoteAddress = '192.0.2.1', forwarded = '', endpoint = 'token' } = {},
) {
  return app.inject({
    method: 'POST',
    url: `/realms/acme/protocol/openid-connect/${endpoint}`,
    remoteAddress,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(forwarded && { 'x-forwarded-for': forwarded }),
    },
    payload: new URLSearchParams(form).toString(),
  })
}

const formOf = ({ clientId, clientSecret }: Client) => ({
  grant_type: 'client_credentials',
  client_id: clientId,
  client_secret: clientSecret,
})

const reasonOf = ({ log }: TestServer) =>
  log.map((line) => JSON.parse(line)).findLast(({ reason }) => reason !== undefined)?.reason

t.test(
  'an account gets tokens from its allowed networks alone, by the address that proxies give',
  async (t) => {
    const { server, client } = await acme(t, { trustProxy: ['192.0.2.0/24'] })
    const { operations } = server
    await operations.accounts.update(TESTER, 'acme', client.clientId, {
      allowedNetworks: ['10.0.0.0/8', '2001:db8::/32'],
    })
    const status = async (options: object) => (await ask(server, formOf(client), options)).statusCode
    for (const forwarded of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::7', '1.1.1.1, 10.1.2.3'])
      t.equal(await status({ forwarded }), 200, forwarded)
    t.equal(await status({ remoteAddress: '10.9.9.9' }), 200)
    t.equal(await status({ remoteAddress: '::ffff:10.9.9.9' }), 200)
    for (const forwarded of ['11.1.2.3', '2001:db9::1', '10.1.2.3, 11.1.2.3', ''])
      t.equal(await status({ forwarded }), 401, forwarded)
    t.match(reasonOf(server), /allowed_networks/)
    t.equal(await status({ remoteAddress: '11.0.0.1', forwarded: '10.1.2.3' }), 401, 'a stranger is no proxy')

    const wrong = await ask(server, { ...formOf(client), client_secret: 'wrong' }, { forwarded: '11.1.2.3' })
    const outside = await ask(server, formOf(client), { forwarded: '11.1.2.3' })
    t.equal(outside.body, wrong.body, 'it is not told that the secret was right')
    const elsewhere = { endpoint: 'revoke', forwarded: '11.1.2.3' }
    t.equal((await ask(server, { ...formOf(client), token: 'x' }, elsewhere)).statusCode, 401)

    await operations.accounts.update(TESTER, 'acme', client.clientId, { allowedNetworks: null })
    t.equal(await status({ forwarded: '11.1.2.3' }), 200)
  },
)

t.test('an account that has ended gets no tokens, and its tokens are not active', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { operations, clock } = server
  const expiresAt = new Date(clock.now.getTime() + 7_200_000)
  await operations.accounts.update(TESTER, 'acme', client.clientId, { expiresAt })
  t.equal(JSON.parse(await introspect(server, resourceServer, client.token)).active, true)
  clock.advance(7100)
  const last = await ask(server, formOf(client))
  t.equal(last.statusCode, 200)
  t.equal(last.json().expires_in, 100, 'a token lives no longer than its account')
  clock.advance(100)
  t.equal((await ask(server, formOf(client))).statusCode, 401)
  t.match(reasonOf(server), /expires_at/)
  await operations.accounts.update(TESTER, 'acme', client.clientId, { expiresAt: null })
  t.equal((await ask(server, formOf(client))).statusCode, 200)

  const { access_token: token } = (await ask(server, formOf(client))).json()
  await operations.accounts.update(TESTER, 'acme', client.clientId, { expiresAt: clock.now })
  t.equal(JSON.parse(await introspect(server, resourceServer, token)).active, false)
  await operations.accounts.update(TESTER, 'acme', client.clientId, { expiresAt: null })
  const again = JSON.parse(await introspect(server, resourceServer, token)).active
  t.equal(again, false, 'tokens from before an end that came at once stay ended')
})

t.test(
  'a secret stops working at the age that its account or realm allows, whichever comes first',
  async (t) => {
    const { server, client } = await acme(t)
    const { operations, clock } = server
    const status = async (one: Client = client) => (await ask(server, formOf(one))).statusCode
    await operations.realms.update(TESTER, 'acme', { maxSecretAgeSeconds: 7200 })
    const [listed] = await operations.secrets.list(TESTER, 'acme', client.clientId)
    t.same(listed?.tooOldAt, new Date((listed?.createdAt.getTime() ?? 0) + 7_200_000))
    clock.advance(7199)
    t.equal(await status(), 200)
    clock.advance(1)
    t.equal(await status(), 401)
    t.match(reasonOf(server), /wrong secret: it has ended or is too old/)
    t.same(await operations.secrets.list(TESTER, 'acme', client.clientId), [])

    const { clientSecret } = await operations.secrets.startRotation(TESTER, 'acme', client.clientId)
    const renewed = { ...client, clientSecret }
    t.equal(await status(renewed), 200)
    await operations.accounts.update(TESTER, 'acme', client.clientId, { maxSecretAgeSeconds: 3600 })
    clock.advance(3600)
    t.equal(await status(renewed), 401, 'the account is stricter than its realm')
    await operations.accounts.update(TESTER, 'acme', client.clientId, { maxSecretAgeSeconds: 90_000 })
    t.equal(await status(renewed), 200)
    clock.advance(3600)
    t.equal(await status(renewed), 401, 'and never laxer')
    await operations.realms.update(TESTER, 'acme', { maxSecretAgeSeconds: 0 })
    t.equal(await status(renewed), 200)
  },
)

t.test('an imported secret gets too old as well', async (t) => {
  const { server } = await acme(t)
  const { operations, clock } = server
  const imported = { clientId: 'old.client', clientSecret: 'correct horse battery staple' }
  await operations.accounts.create(TESTER, 'acme', { name: 'old', imported, maxSecretAgeSeconds: 3600 })
  t.equal((await ask(server, formOf(imported))).statusCode, 200)
  clock.advance(3600)
  t.equal((await ask(server, formOf(imported))).statusCode, 401)
})

t.test('keys and platform tokens heed the limits of their account', async (t) => {
  const { server } = await acme(t)
  const { operations, clock } = server
  const signer = await keyClient(server)
  const platform = testPlatform(server)
  const { clientId } = await bound(server, await trust(server, platform))
  const byPlatform = async () =>
    (await ask(server, platformForm('grant', platform.token({ sub: 'workload' })))).statusCode
  const bySignature = async () => (await askWith(server, signer.assertion())).statusCode
  t.equal(await bySignature(), 200)
  t.equal(await byPlatform(), 200)
  const limits = [{ allowedNetworks: ['203.0.113.0/24'] }, { allowedNetworks: null, expiresAt: clock.now }]
  for (const limit of limits) {
    for (const id of [clientId, signer.clientId]) await operations.accounts.update(TESTER, 'acme', id, limit)
    t.equal(await bySignature(), 401)
    t.match(reasonOf(server), /allowed_networks|expires_at/)
    t.equal(await byPlatform(), 400)
    t.match(reasonOf(server), /allowed_networks|expires_at/)
  }
  for (const id of [clientId, signer.clientId])
    await operations.accounts.update(TESTER, 'acme', id, {
      expiresAt: new Date(clock.now.getTime() + 60_000),
    })
  const token = (await askWith(server, signer.assertion())).json()
  t.equal(token.expires_in, 60)
})

t.test('limits take no query of their own', async (t) => {
  const { server, client } = await acme(t)
  await ask(server, formOf(client))
  const before = await recordStatements(async () => void (await ask(server, formOf(client))))
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, {
    allowedNetworks: ['192.0.2.0/24'],
    expiresAt: new Date(server.clock.now.getTime() + 86_400_000),
    maxSecretAgeSeconds: 3600,
  })
  const after = await recordStatements(async () => {
    t.equal((await ask(server, formOf(client))).statusCode, 200)
  })
  t.same(
    after.map(({ text }) => text),
    before.map(({ text }) => text),
  )
})

t.test('the API sets, shows and takes away limits, and the trail has them', async (t) => {
  const { server } = await acme(t)
  const api = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const path = '/admin/realms/acme/service-accounts'
  const limits = {
    allowed_networks: ['10.0.0.0/8'],
    expires_at: '2030-01-01T00:00:00.000Z',
    max_secret_age_seconds: 86_400,
  }
  const made = await api('POST', path, { name: 'limited', ...limits })
  t.equal(made.status, 201)
  t.match(made.body, limits)
  const one = `${path}/${made.body.client_id}`
  t.match((await api('GET', one)).body, limits)
  const changed = await api('PATCH', one, { allowed_networks: ['10.1.2.3'], expires_at: null })
  t.match(changed.body, {
    allowed_networks: ['10.1.2.3/32'],
    expires_at: null,
    max_secret_age_seconds: 86_400,
  })
  const { body } = await api('GET', `/admin/realms/acme/audit-events?target=${made.body.client_id}`)
  t.match(body.items[0].details, {
    before: { allowed_networks: ['10.0.0.0/8'], expires_at: '2030-01-01T00:00:00.000Z' },
    after: { allowed_networks: ['10.1.2.3/32'], expires_at: null },
  })
  const same = await api('PATCH', one, { allowed_networks: ['10.1.2.3/32'], expires_at: null })
  t.equal(same.headers['etag'], changed.headers['etag'])
  for (const wrong of [
    { allowed_networks: ['10.0.0.0/33'] },
    { allowed_networks: [] },
    { allowed_networks: 'x' },
    { allowed_networks: [7] },
    { expires_at: 'tomorrow' },
    { expires_at: '2030-01-01' },
    { expires_at: 7 },
    { expires_at: '2016-12-31T23:59:60Z' },
    { max_secret_age_seconds: 1 },
    { max_secret_age_seconds: '3600' },
    { max_secret_age_seconds: 1e12 },
  ])
    t.equal((await api('PATCH', one, wrong)).status, 400, JSON.stringify(wrong))
  await api('PATCH', one, { expires_at: '2020-01-01T00:00:00Z' })
  const names = async (state: string) =>
    (await api('GET', `${path}?state=${state}`)).body.items.map(({ name }: { name: string }) => name)
  t.same(await names('ended'), ['limited'])
  t.notOk((await names('enabled')).includes('limited'))
})

t.test('limits cannot shut out the last platform administrator', async (t) => {
  const { server } = await acme(t)
  const { operations, clock } = server
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const refused = { code: 'last_administrator' }
  const limit = (limits: object) => operations.accounts.update(TESTER, 'system', 'root', limits)
  await t.rejects(limit({ expiresAt: new Date(clock.now.getTime() + 1e9) }), refused)
  await t.rejects(limit({ allowedNetworks: ['10.0.0.0/8'] }), refused)
  await operations.accounts.create(TESTER, 'system', {
    name: 'ended',
    roles: ['platform-admin'],
    expiresAt: clock.now,
  })
  await t.rejects(limit({ allowedNetworks: ['10.0.0.0/8'] }), refused)
  await operations.accounts.create(TESTER, 'system', { name: 'second', roles: ['platform-admin'] })
  t.same((await limit({ allowedNetworks: ['10.0.0.0/8'] })).allowedNetworks, ['10.0.0.0/8'])
})

t.test('an administrator who has ended changes nothing any more', async (t) => {
  const { server } = await acme(t)
  const { token, clientId } = await adminToken(server, 'acme', ['account-admin'])
  const api = asking(server, token)
  t.equal((await api('POST', '/admin/realms/acme/service-accounts', { name: 'a' })).status, 201)
  await server.operations.accounts.update(TESTER, 'acme', clientId, {
    expiresAt: new Date(server.clock.now.getTime() + 7_200_000),
  })
  t.equal((await api('POST', '/admin/realms/acme/service-accounts', { name: 'b' })).status, 201)
  server.clock.advance(7200)
  t.equal((await api('POST', '/admin/realms/acme/service-accounts', { name: 'c' })).status, 401)
})
