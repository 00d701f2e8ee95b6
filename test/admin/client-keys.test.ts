import t, { type Test } from 'tap'
import { type Ask, adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { INACTIVE, introspect, post, testClient } from '../support/introspection.ts'
import { PUBLIC_URL, type TestServer, testServer } from '../support/server.ts'

const ACCOUNTS = '/admin/realms/acme/service-accounts'

interface Place {
  readonly server: TestServer
  readonly ask: Ask
  /** Makes an account and says its address. */
  readonly account: (body?: Record<string, unknown>) => Promise<string>
}

let accounts = 0

async function place(t: Test): Promise<Place> {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await ask('POST', '/admin/realms', { name: 'acme' })
  const account = async (body: Record<string, unknown> = { auth_methods: ['private_key_jwt'] }) => {
    accounts += 1
    const made = await ask('POST', ACCOUNTS, { name: `account ${accounts}`, ...body })
    if (made.status !== 201) throw new Error(made.text)
    return `${ACCOUNTS}/${made.body.client_id}`
  }
  return { server, ask, account }
}

t.test('a realm says how its accounts may authenticate and what assertions are for', async (t) => {
  const ask = await platformAdministrator(await testServer(t))
  const made = await ask('POST', '/admin/realms', { name: 'acme' })
  t.match(made.body, {
    allowed_auth_methods: ['client_secret', 'private_key_jwt', 'federated'],
    assertion_audience: 'issuer_or_token_endpoint',
  })
  const strict = { allowed_auth_methods: ['private_key_jwt'], assertion_audience: 'issuer' }
  t.match((await ask('PATCH', '/admin/realms/acme', strict)).body, strict)
  t.match((await ask('GET', '/admin/realms/acme')).body, strict)
  for (const settings of [
    { allowed_auth_methods: [] },
    { allowed_auth_methods: ['none'] },
    { allowed_auth_methods: ['client_secret', 'client_secret'] },
    { assertion_audience: 'token_endpoint' },
  ]) {
    const refused = await ask('PATCH', '/admin/realms/acme', settings)
    t.equal(refused.status, 400, JSON.stringify(settings))
    t.match(refused.body.field, Object.keys(settings)[0] as string)
  }
})

t.test('a public key is added, listed, read, changed and deleted', async (t) => {
  const { ask, account } = await place(t)
  const path = `${await account()}/keys`
  const { jwk, pem } = testKeyPair()
  const own = testKeyPair()
  const made = await ask('POST', path, { pem, name: ' Build server ', expires_at: '2199-01-01T00:00:00Z' })
  t.equal(made.status, 201, made.text)
  const { created_at, ...rest } = made.body
  t.ok(Date.parse(created_at))
  t.same(rest, {
    kid: made.body.thumbprint,
    thumbprint: made.body.thumbprint,
    algorithm: 'ES256',
    name: 'Build server',
    expires_at: '2199-01-01T00:00:00.000Z',
    last_used_at: null,
    jwk,
  })
  t.equal(made.headers['location'], `${PUBLIC_URL}${path}/${made.body.kid}`)

  const kid = 'https://client.example/keys/1?x=%2F#a'
  const second = await ask('POST', path, { jwk: { ...own.jwk, kid, alg: 'ES256', use: 'sig' } })
  t.match(second.body, {
    kid,
    algorithm: 'ES256',
    name: '',
    expires_at: null,
    jwk: { ...own.jwk, alg: 'ES256' },
  })
  const here = String(second.headers['location']).slice(PUBLIC_URL.length)
  t.same((await ask('GET', here)).body, second.body)
  const listed = await ask('GET', path)
  t.same(listed.body.items.map((key: { kid: string }) => key.kid).sort(), [kid, made.body.kid].sort())

  const changed = await ask('PATCH', here, { name: 'Old one', expires_at: '2199-01-01T00:00:00Z' })
  t.match(changed.body, { kid, name: 'Old one', expires_at: '2199-01-01T00:00:00.000Z' })
  t.match((await ask('PATCH', here, { expires_at: null })).body, { name: 'Old one', expires_at: null })
  t.equal((await ask('DELETE', here)).status, 204)
  t.equal((await ask('GET', here)).status, 404)
  t.equal((await ask('PATCH', here, {})).status, 404)
  t.equal((await ask('DELETE', here)).status, 404)
  t.equal((await ask('GET', path)).body.items.length, 1)
  t.equal((await ask('GET', `${ACCOUNTS}/nobody/keys`)).status, 404)
  t.equal((await ask('POST', `${ACCOUNTS}/nobody/keys`, { pem })).status, 404)
  t.equal((await ask('DELETE', `${path}/${made.body.kid}?keep_token=true`)).status, 400)
  t.equal((await ask('GET', `${path}?limit=1`)).status, 400)
})

t.test('a change of a key leaves a line in the audit trail', async (t) => {
  const { ask, account } = await place(t)
  const path = await account()
  const { body } = await ask('POST', `${path}/keys`, { pem: testKeyPair().pem, name: 'one' })
  await ask('PATCH', `${path}/keys/${body.kid}`, { name: 'two' })
  await ask('PATCH', `${path}/keys/${body.kid}`, { name: 'two' })
  await ask('POST', `${path}/keys`, { pem: 'x' })
  await ask('DELETE', `${path}/keys/${body.kid}?keep_tokens=true`)
  const { items } = (await ask('GET', '/admin/realms/acme/audit-events?limit=4')).body
  const { kid, thumbprint } = body
  t.match(items, [
    { action: 'service-account.delete-key', outcome: 'done', details: { kid, keep_tokens: true } },
    { action: 'service-account.add-key', outcome: 'refused', details: { code: 'invalid', field: 'pem' } },
    {
      action: 'service-account.update-key',
      details: { kid, before: { name: 'one' }, after: { name: 'two' } },
    },
    { action: 'service-account.add-key', outcome: 'done', details: { kid, thumbprint, key_name: 'one' } },
  ])
})

t.test('the same key or the same kid twice, and an eleventh key, are refused', async (t) => {
  const { ask, account } = await place(t)
  const path = `${await account()}/keys`
  const { jwk, pem } = testKeyPair()
  t.equal((await ask('POST', path, { jwk: { ...jwk, kid: 'one' } })).status, 201)
  for (const body of [
    { pem },
    { jwk },
    { jwk: { ...jwk, kid: 'two' } },
    { jwk: { ...testKeyPair().jwk, kid: 'one' } },
  ]) {
    const refused = await ask('POST', path, body)
    t.equal(refused.status, 409)
    t.match(refused.body, { type: 'urn:mintmark:problem:conflict', detail: /one/ })
  }
  const all = Array.from({ length: 12 }, () => ask('POST', path, { pem: testKeyPair().pem }))
  const answers = await Promise.all(all)
  t.equal(answers.filter(({ status }) => status === 201).length, 9)
  const full = answers.find(({ status }) => status !== 201)
  t.match(full, { status: 409, body: { type: 'urn:mintmark:problem:limit-reached', limit: 10 } })
  t.equal((await ask('GET', path)).body.items.length, 10)
  const other = await account()
  t.equal((await ask('POST', `${other}/keys`, { pem })).status, 201, 'another account may have it')
})

t.test('a key that cannot be used is refused, and the member named', async (t) => {
  const { ask, account } = await place(t)
  const path = `${await account()}/keys`
  const { jwk, pem } = testKeyPair()
  const rows: [unknown, string | undefined][] = [
    [{}, 'jwk'],
    [{ jwk, pem }, 'pem'],
    [{ jwk: 'x' }, 'jwk'],
    [{ jwk: [] }, 'jwk'],
    [{ jwk: null }, 'jwk'],
    [{ pem: 1 }, 'pem'],
    [{ pem: '' }, 'pem'],
    [{ certificate: pem }, 'certificate'],
    [{ jwk: { kty: 'oct' } }, 'jwk.kty'],
    [{ jwk: { ...jwk, alg: 'HS256' } }, 'jwk'],
    [{ jwk, keys: [] }, 'keys'],
    [{ jwk, name: 'x'.repeat(101) }, 'name'],
    [{ jwk, name: '\u0000' }, 'name'],
    [{ jwk, expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    [{ jwk, expires_at: 'soon' }, 'expires_at'],
    [{ jwk: { ...jwk, kid: '' } }, 'jwk.kid'],
    ['{', undefined],
  ]
  for (const [body, field] of rows) {
    const refused = await ask('POST', path, body)
    t.equal(refused.status, 400, `${JSON.stringify(body)}: ${refused.text}`)
    t.equal(refused.body.field, field, JSON.stringify(body))
  }
  t.same((await ask('GET', path)).body.items, [])
})

t.test('a private key is refused wherever it is, and nowhere written', async (t) => {
  const { server, ask, account } = await place(t)
  const path = await account()
  const { privateKey, pem } = testKeyPair()
  const jwk = privateKey.export({ format: 'jwk' })
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
  const rows: [object, string][] = [
    [{ jwk }, 'jwk.d'],
    [{ jwk: { keys: [jwk] } }, 'jwk.keys.0.d'],
    [{ jwk: { kty: 'oct', k: jwk.d } }, 'jwk.k'],
    [{ pem: privatePem }, 'pem'],
    [{ pem: sec1 }, 'pem'],
    [{ pem: pem + privatePem }, 'pem'],
    [{ pem: JSON.stringify(jwk) }, 'pem'],
    [{ certificate: privatePem }, 'certificate'],
    [{ pem, name: privatePem }, 'name'],
  ]
  for (const [body, field] of rows) {
    const refused = await ask('POST', `${path}/keys`, body)
    t.match(refused, { status: 400, body: { field } }, refused.text)
    t.notMatch(refused.text, jwk.d as string)
    const inAccount = await ask('POST', ACCOUNTS, { name: 'with a key', key: body })
    t.match(inAccount, { status: 400, body: { field: `key.${field}` } }, inAccount.text)
  }
  for (const broken of [
    `{"jwk":{"d":"${jwk.d}"`,
    JSON.stringify({ jwk: JSON.stringify(jwk) }),
    JSON.stringify({ d: jwk.d }),
  ]) {
    const refused = await ask('POST', `${path}/keys`, broken)
    t.equal(refused.status, 400)
    t.notMatch(refused.text, jwk.d as string)
  }
  const known = [jwk.d as string, ...[privatePem, sec1].map((text) => text.split('\n')[1] as string)]
  const trail = (await ask('GET', '/admin/realms/acme/audit-events?limit=1000')).text
  for (const text of known) {
    t.notMatch(server.log.join('\n'), text)
    t.notMatch(trail, text)
  }
  t.same((await ask('GET', `${path}/keys`)).body.items, [])
})

t.test('an account authenticates by its auth_methods, and has no secret without client_secret', async (t) => {
  const { server, ask } = await place(t)
  const { pem } = testKeyPair()
  const usual = await ask('POST', ACCOUNTS, { name: 'usual' })
  t.same(usual.body.auth_methods, ['client_secret'])
  t.match(usual.body.client_secret, /^mm_/)
  t.notOk('key' in usual.body)

  const withKey = await ask('POST', ACCOUNTS, { name: 'with a key', key: { pem, name: 'first' } })
  t.same(withKey.body.auth_methods, ['private_key_jwt'])
  t.notOk('client_secret' in withKey.body)
  t.match(withKey.body.key, { name: 'first', algorithm: 'ES256' })
  const here = `${ACCOUNTS}/${withKey.body.client_id}`
  t.same((await ask('GET', `${here}/secrets`)).body.items, [])
  t.equal((await ask('GET', `${here}/keys`)).body.items.length, 1)
  for (const route of ['reset-secret', 'secrets']) {
    const refused = await ask('POST', `${here}/${route}`, {})
    t.match(refused, { status: 409, body: { type: 'urn:mintmark:problem:conflict' } }, route)
  }

  const both = await ask('POST', ACCOUNTS, {
    name: 'both',
    auth_methods: ['private_key_jwt', 'client_secret'],
    key: { pem },
  })
  t.same(both.body.auth_methods, ['client_secret', 'private_key_jwt'])
  t.match(both.body.client_secret, /^mm_/)
  t.match(both.body.key, { algorithm: 'ES256' })
  const account = `${ACCOUNTS}/${both.body.client_id}`
  const token = (secret: string) =>
    post(server, 'token', {
      grant_type: 'client_credentials',
      client_id: both.body.client_id,
      client_secret: secret,
    })
  t.equal((await token(both.body.client_secret)).statusCode, 200)
  t.same((await ask('PATCH', account, { auth_methods: ['private_key_jwt'] })).body.auth_methods, [
    'private_key_jwt',
  ])
  t.equal((await token(both.body.client_secret)).statusCode, 401, 'its secret ended at once')
  t.same((await ask('GET', `${account}/secrets`)).body.items, [])
  await ask('PATCH', account, { auth_methods: ['client_secret', 'private_key_jwt'] })
  t.equal((await token(both.body.client_secret)).statusCode, 401, 'and does not come back')
  const reset = await ask('POST', `${account}/reset-secret`, {})
  t.equal((await token(reset.body.client_secret)).statusCode, 200)

  for (const [body, field] of [
    [{ auth_methods: [] }, 'auth_methods'],
    [{ auth_methods: ['client_secret', 'client_secret'] }, 'auth_methods'],
    [{ auth_methods: ['none'] }, 'auth_methods.0'],
    [
      { auth_methods: ['private_key_jwt'], client_id: 'a', client_secret: 'correct horse battery' },
      'client_secret',
    ],
  ] as const) {
    const refused = await ask('POST', ACCOUNTS, { name: 'refused', ...body })
    t.match(refused.status, 400, refused.text)
    t.match(refused.body.field.replaceAll('/', '.'), field)
  }
})

t.test('a realm decides how new accounts authenticate, and what may be added to others', async (t) => {
  const { ask, account } = await place(t)
  const old = await account({})
  await ask('PATCH', '/admin/realms/acme', { allowed_auth_methods: ['private_key_jwt'] })
  const refusal = { status: 400, body: { field: 'auth_methods' } }
  t.match(await ask('POST', ACCOUNTS, { name: 'with a secret' }), refusal)
  t.match(
    await ask('POST', ACCOUNTS, { name: 'both', auth_methods: ['client_secret', 'private_key_jwt'] }),
    refusal,
  )
  const keyed = await account()
  t.match(await ask('PATCH', keyed, { auth_methods: ['client_secret'] }), refusal)
  t.equal((await ask('PATCH', old, { auth_methods: ['client_secret'], description: 'x' })).status, 200)
  const both = ['client_secret', 'private_key_jwt']
  t.same((await ask('PATCH', old, { auth_methods: both })).body.auth_methods, both, 'what it has may stay')
  await ask('PATCH', old, { auth_methods: ['private_key_jwt'] })
  t.match(await ask('PATCH', old, { auth_methods: both }), refusal, 'and does not come back')
})

t.test('a key that ends takes the tokens of its account along, unless they are to stay', async (t) => {
  const { server, ask } = await place(t)
  const resourceServer = await testClient(server, 'resource server', 'acme', ['introspect'])
  const client = await testClient(server, 'CI')
  const account = `${ACCOUNTS}/${client.clientId}`
  const tokenFor = async () => {
    const { clientId: client_id, clientSecret: client_secret } = client
    const answer = await post(server, 'token', {
      grant_type: 'client_credentials',
      client_id,
      client_secret,
      resource: `${PUBLIC_URL}/realms/acme`,
    })
    return answer.json().access_token as string
  }
  const isActive = async (token: string) => (await introspect(server, resourceServer, token)) !== INACTIVE
  const add = async () =>
    `${account}/keys/${(await ask('POST', `${account}/keys`, { pem: testKeyPair().pem })).body.kid}`
  await ask('PATCH', account, { auth_methods: ['client_secret', 'private_key_jwt'] })

  const now = () => server.clock.now.toISOString()
  const later = () => new Date(server.clock.now.getTime() + 60_000).toISOString()
  const rows: [string, (key: string) => ReturnType<Ask>, boolean][] = [
    ['deleted', (key) => ask('DELETE', key), false],
    ['deleted, tokens kept', (key) => ask('DELETE', `${key}?keep_tokens=true`), true],
    ['deleted, tokens not kept', (key) => ask('DELETE', `${key}?keep_tokens=false`), false],
    ['ended now', (key) => ask('PATCH', key, { expires_at: now() }), false],
    ['ended in the past', (key) => ask('PATCH', key, { expires_at: '2020-01-01T00:00:00Z' }), false],
    ['ended now, tokens kept', (key) => ask('PATCH', `${key}?keep_tokens=true`, { expires_at: now() }), true],
    ['to end later', (key) => ask('PATCH', key, { expires_at: later() }), true],
    ['renamed', (key) => ask('PATCH', key, { name: 'x' }), true],
  ]
  for (const [what, end, stays] of rows) {
    const key = await add()
    const token = await tokenFor()
    t.ok(await isActive(token), what)
    const answer = await end(key)
    t.ok(answer.status < 300, answer.text)
    t.equal(await isActive(token), stays, what)
    if (/now$|past/.test(what))
      t.ok(Date.parse(answer.body.expires_at) <= server.clock.now.getTime() - 120_000)
    t.ok(await isActive(await tokenFor()), 'new ones are good')
    await ask('DELETE', key)
  }
  await add()
  const token = await tokenFor()
  await ask('PATCH', account, { auth_methods: ['client_secret'] })
  t.notOk(await isActive(token), 'keys that no longer count take them along too')
})

t.test(
  'an administrator of another realm, and an account without a say, see and change no keys',
  async (t) => {
    const { server, ask, account } = await place(t)
    const path = `${await account()}/keys`
    const { body } = await ask('POST', path, { pem: testKeyPair().pem })
    await ask('POST', '/admin/realms', { name: 'other' })
    for (const [realm, role, status] of [
      ['acme', 'manage', 403],
      ['other', 'account-admin', 404],
    ] as const) {
      const stranger = asking(server, (await adminToken(server, realm, [role])).token)
      const answers = [
        await stranger('GET', path),
        await stranger('GET', `${path}/${body.kid}`),
        await stranger('POST', path, { pem: testKeyPair().pem }),
        await stranger('PATCH', `${path}/${body.kid}`, { name: 'x' }),
        await stranger('DELETE', `${path}/${body.kid}`),
      ]
      for (const answer of answers) t.equal(answer.status, status)
      const { items } = (await ask('GET', `/admin/realms/${realm}/audit-events?limit=5`)).body
      t.same(
        items.map(({ action }: { action: string }) => action),
        ['delete-key', 'update-key', 'add-key', 'list-keys', 'list-keys'].map(
          (name) => `service-account.${name}`,
        ),
      )
    }
    t.equal((await ask('GET', path)).body.items.length, 1)
  },
)
