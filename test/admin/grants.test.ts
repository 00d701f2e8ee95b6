import t from 'tap'
import { type Ask, adminToken, asking } from '../support/admin.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  await server.operations.resources.import(TESTER, 'acme', [
    { type: 'device_group', id: 'eu-edge', name: 'Edge, Europe' },
    { type: 'device', id: 'site:1/a', name: 'Boiler' },
  ])
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  const ask: Ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const token = async (more: Record<string, string> = {}) => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: account.clientId,
        client_secret: clientSecret,
        ...more,
      }).toString(),
    })
    const body = answer.json()
    const claims =
      body.access_token &&
      JSON.parse(atob(body.access_token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')))
    return { status: answer.statusCode, body, claims }
  }
  const path = `/admin/realms/acme/service-accounts/${account.clientId}`
  return { ...server, ask, token, path, clientId: account.clientId }
}

const EU = { type: 'device_group', id: 'eu-edge' }
const BOILER = { type: 'device', id: 'site:1/a' }

t.test('a grant is made, listed and taken away, and the token and its answer say it', async (t) => {
  const { ask, token, path } = await acme(t)
  const plain = await token()
  t.notOk('authorization_details' in plain.body)
  t.notOk('authorization_details_omitted' in plain.body)

  const made = await ask('POST', `${path}/grants`, { role: 'operate', ...EU })
  t.equal(made.status, 201, made.text)
  t.match(made.body, { role: 'operate', ...EU, name: 'Edge, Europe', created_at: String })
  t.equal((await ask('POST', `${path}/grants`, { role: 'operate', ...EU })).status, 200)
  t.equal((await ask('POST', `${path}/grants`, { role: 'deployer', ...BOILER })).status, 201)

  const details = [
    { type: 'device', identifier: 'site:1/a', privileges: ['deployer'] },
    { type: 'device_group', identifier: 'eu-edge', privileges: ['operate'] },
  ]
  const granted = await token()
  t.same(granted.claims.authorization_details, details)
  t.same(granted.body.authorization_details, details)

  const first = await ask('GET', `${path}/grants?limit=1`)
  t.match(first.body.items, [{ role: 'deployer', ...BOILER, name: 'Boiler', created_at: String }])
  const second = await ask('GET', `${path}/grants?limit=1&cursor=${first.body.next_cursor}`)
  t.match(second.body, { items: [{ role: 'operate', ...EU }], next_cursor: null })
  t.equal((await ask('GET', `${path}/grants?search=EUROPE&type=device_group`)).body.items.length, 1)
  t.equal((await ask('GET', `${path}/grants?cursor=bm9uZQ`)).status, 400)

  const gone = await ask('DELETE', `${path}/grants/deployer/device/${encodeURIComponent('site:1/a')}`)
  t.equal(gone.status, 204)
  t.equal((await ask('DELETE', `${path}/grants/operate/device_group/eu-edge`)).status, 204)
  t.equal((await ask('DELETE', `${path}/grants/operate/device_group/eu-edge`)).status, 404)
  t.equal((await ask('DELETE', `${path}/grants/operate/Device/eu-edge`)).status, 404)
  t.notOk('authorization_details' in (await token()).claims)
})

t.test('the whole set of grants is replaced at once', async (t) => {
  const { ask, path } = await acme(t)
  const put = (items: object[]) => ask('PUT', `${path}/grants`, { items })
  t.same(
    (
      await put([
        { role: 'view', ...EU },
        { role: 'view', ...BOILER },
      ])
    ).body,
    { added: 2, removed: 0 },
  )
  t.same(
    (
      await put([
        { role: 'operate', ...EU },
        { role: 'view', ...EU },
      ])
    ).body,
    { added: 1, removed: 1 },
  )
  const refused = await put([
    { role: 'view', ...EU },
    { role: 'view', type: 'device', id: 'none' },
  ])
  t.match(refused, { status: 400, body: { field: 'id', detail: 'Realm acme has no device none.' } })
  t.equal((await ask('GET', `${path}/grants`)).body.items.length, 2, 'all or nothing')
})

t.test('a set of grants may be larger than other bodies, and not without end', async (t) => {
  const { ask, path, operations } = await acme(t)
  const devices = Array.from({ length: 2000 }, (_, i) => ({ type: 'device', id: `device-number-${i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  const items = devices.map((device) => ({ role: 'view', ...device }))
  t.ok(JSON.stringify(items).length > 65_536)
  t.match(await ask('PUT', `${path}/grants`, { items }), { status: 200, body: { added: 2000 } })
  const huge = await ask('PUT', `${path}/grants`, `"${'x'.repeat(4 * 1024 * 1024)}"`)
  t.match(huge, { status: 413, body: { detail: 'A body may have 4096 KiB.', limit: 4194304 } })
  const many = await ask('POST', `${path}/grants`, `"${'x'.repeat(64 * 1024)}"`)
  t.match(many, { status: 413, body: { detail: 'A body may have 64 KiB.', limit: 65536 } })
})

t.test('an invalid grant is refused with the faulty member', async (t) => {
  const { ask, path } = await acme(t)
  const cases: [unknown, string | undefined][] = [
    [{ role: 'nothing', ...EU }, 'role'],
    [{ role: 'account-admin', ...EU }, 'role'],
    [{ role: 'view', type: 'device_group' }, 'id'],
    [{ role: 'view', ...EU, more: 1 }, 'more'],
    [{ role: 'view', type: 'device\u0000', id: 'x' }, 'type'],
    [{ role: 'view', type: 'Device', id: 'x' }, 'type'],
    [{ role: 7, ...EU }, 'role'],
    [[], undefined],
  ]
  for (const [body, field] of cases) {
    const refused = await ask('POST', `${path}/grants`, body)
    t.equal(refused.status, 400, JSON.stringify(body))
    t.equal(refused.body.field, field, JSON.stringify(body))
  }
  t.equal(
    (await ask('POST', '/admin/realms/acme/service-accounts/nobody/grants', { role: 'view', ...EU })).status,
    404,
  )
  t.equal((await ask('GET', '/admin/realms/acme/service-accounts/nobody/grants')).status, 404)
})

t.test('a client asks for less, never for more', async (t) => {
  const { ask, token, path } = await acme(t)
  await ask('PUT', `${path}/grants`, {
    items: [
      { role: 'operate', ...EU },
      { role: 'view', ...EU },
      { role: 'view', ...BOILER },
    ],
  })
  const asking = (details: unknown) => token({ authorization_details: JSON.stringify(details) })
  const less = [{ type: 'device_group', identifier: 'eu-edge', privileges: ['view'] }]
  const narrowed = await asking(less)
  t.same(narrowed.claims.authorization_details, less)
  t.same(narrowed.body.authorization_details, less)
  t.notOk('authorization_details' in (await asking([])).claims)

  const more = await asking([{ type: 'device_group', identifier: 'eu-edge', privileges: ['manage'] }])
  t.equal(more.status, 400)
  t.same(more.body, {
    error: 'invalid_authorization_details',
    error_description: 'Entry 0 of authorization_details asks for more than the client holds.',
  })
  const broken = await token({ authorization_details: '[{]' })
  t.match(broken, { status: 400, body: { error: 'invalid_authorization_details' } })
})

t.test('grants too many for a token are left out, and token and answer say so', async (t) => {
  const { token, operations, clientId } = await acme(t)
  const devices = Array.from({ length: 100 }, (_, i) => ({ type: 'device', id: `device-${i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  await operations.grants.replace(
    TESTER,
    'acme',
    clientId,
    devices.map((device) => ({ role: 'view', ...device })),
  )
  const { body, claims } = await token()
  t.equal(claims.authorization_details_omitted, true)
  t.equal(body.authorization_details_omitted, true)
  t.notOk('authorization_details' in claims)
  t.notOk('authorization_details' in body)
})

t.test('roles on the whole realm are listed, given, taken away and replaced', async (t) => {
  const { ask, token, path } = await acme(t)
  const list = await ask('GET', `${path}/roles`)
  t.same(list.body, { items: ['view'], next_cursor: null })
  t.same((await ask('POST', `${path}/roles`, { role: 'deployer' })).body.items, ['view', 'deployer'])
  t.same((await token()).claims.roles, ['view', 'deployer'])
  t.match(await ask('POST', `${path}/roles`, { role: 'nothing' }), { status: 400, body: { field: 'roles' } })
  t.match(await ask('POST', `${path}/roles`, { role: 'platform-admin' }), { status: 403 })
  t.equal((await ask('DELETE', `${path}/roles/view`)).status, 204)
  t.equal((await ask('DELETE', `${path}/roles/view`)).status, 404)

  const etag = String((await ask('GET', `${path}/roles`)).headers['etag'])
  const put = (items: string[]) => ask('PUT', `${path}/roles`, { items }, { 'if-match': etag })
  t.same((await put(['manage'])).body.items, ['manage'])
  t.equal((await put(['view'])).status, 412, 'it has been changed meanwhile')
  t.same((await ask('PUT', `${path}/roles`, { items: [] })).body.items, [])
})

t.test('a resource tells who may do what on it, by its groups too', async (t) => {
  const { ask, operations, clientId, path } = await acme(t)
  const { account: other } = await operations.accounts.create(TESTER, 'acme', { name: 'Other' })
  await operations.resources.put(TESTER, 'acme', { ...BOILER, groups: [EU.id] })
  const grant = (id: string, role: string, on: object) =>
    ask('POST', `${path.replace(clientId, id)}/grants`, { role, ...on })
  await grant(clientId, 'operate', EU)
  await grant(clientId, 'view', BOILER)
  await grant(other.clientId, 'manage', BOILER)
  await operations.accounts.update(TESTER, 'acme', other.clientId, { enabled: false })

  const address = `/admin/realms/acme/resources/${BOILER.type}/${encodeURIComponent(BOILER.id)}/grants`
  const all = (await ask('GET', address)).body.items
  const said = (items: Record<string, unknown>[]) =>
    items.map((one) => [one['client_id'], one['role'], one['type'], one['id']])
  const expected = [
    [clientId, 'view', BOILER.type, BOILER.id],
    [clientId, 'operate', EU.type, EU.id],
    [other.clientId, 'manage', BOILER.type, BOILER.id],
  ]
  t.same(said(all).sort(), expected.sort())
  t.match(
    all.find((one: { role: string }) => one.role === 'manage'),
    { account_name: 'Other', enabled: false },
  )

  const pages: Record<string, unknown>[] = []
  for (let cursor = ''; ; ) {
    const page = (await ask('GET', `${address}?limit=1${cursor}`)).body
    pages.push(...page.items)
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  t.same(pages, all, 'page by page')
  t.same(said((await ask('GET', `${address}?role=view`)).body.items), [
    [clientId, 'view', BOILER.type, BOILER.id],
  ])
  t.match(await ask('GET', `${address}?cursor=MTIz`), { status: 400, body: { field: 'cursor' } })
  t.equal((await ask('GET', '/admin/realms/acme/resources/device/nothing/grants')).status, 404)
  const ofGroup = await ask('GET', `/admin/realms/acme/resources/${EU.type}/${EU.id}/grants`)
  t.same(said(ofGroup.body.items), [[clientId, 'operate', EU.type, EU.id]])
})

t.test('discovery says the types that authorization_details may have', async (t) => {
  const { ask, app } = await acme(t)
  await ask('PATCH', '/admin/realms/acme', { resource_types: ['site'] })
  const answer = await app.inject('/realms/acme/.well-known/openid-configuration')
  t.same(answer.json().authorization_details_types_supported, ['device', 'device_group', 'site'])
  t.equal(answer.json().issuer, `${PUBLIC_URL}/realms/acme`)
})

t.test('an account is made with its grants, or not at all', async (t) => {
  const { ask, operations } = await acme(t)
  const list = '/admin/realms/acme/service-accounts'
  const count = async () => (await operations.realms.find(TESTER, 'acme')).serviceAccountCount
  const before = await count()
  const view = { role: 'view', ...EU }
  const grants = [view, { role: 'deployer', ...BOILER }, view]
  for (const [wrong, field] of [
    [{ role: 'view', type: 'device', id: 'none' }, 'grants.id'],
    [{ role: 'account-admin', ...EU }, 'grants.role'],
  ] as const) {
    const answer = await ask('POST', list, { name: 'New', grants: [...grants, wrong] })
    t.match(answer, { status: 400, body: { field } })
  }
  t.equal((await ask('POST', list, { name: 'New', grants: [{ role: 'view' }] })).status, 400)
  t.equal(await count(), before, 'nothing was made')
  const made = await ask('POST', list, { name: 'New', roles: ['operate'], grants })
  t.equal(made.status, 201, made.text)
  const path = `${list}/${made.body.client_id}`
  t.equal(made.headers['etag'], (await ask('GET', path)).headers['etag'], 'its version counts the grants')
  t.match((await ask('GET', `${path}/grants`)).body.items, [BOILER, EU])
  const claims = await operations.tokens.preview(TESTER, 'acme', made.body.client_id)
  t.match(claims, {
    roles: ['operate'],
    authorization_details: [{ identifier: 'site:1/a' }, { identifier: 'eu-edge' }],
  })
  const query = { action: 'service-account.create', target: made.body.client_id, limit: 1 }
  t.match((await operations.audit.list(TESTER, 'acme', query)).items, [{ details: { grants_added: 2 } }])
})
