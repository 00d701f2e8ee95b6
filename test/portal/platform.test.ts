import pg from 'pg'
import t, { type Test } from 'tap'
import { adminOf, Browser, enterAsPlatformAdmin, hiddenFields, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const REALMS = '/portal/system/realms'
const NEW = '/portal/system/new-realm'

async function platformAdmin(server: TestServer): Promise<Browser> {
  const browser = new Browser(server)
  t.equal((await enterAsPlatformAdmin(server, browser)).statusCode, 303)
  return browser
}

async function platform(t: Test, ...names: string[]) {
  const server = await testServer(t)
  for (const name of names) await server.operations.realms.create(TESTER, name)
  return { server, browser: await platformAdmin(server) }
}

/** As a renewal at the identity provider does. */
async function demote({ databaseUrl }: TestServer): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('update portal_sessions set platform = false where platform')
  await client.end()
}

const enter = (browser: Browser, name: string) => browser.submit(REALMS, `${REALMS}/${name}/enter`)

const statusOf = async (browser: Browser, url: string) => (await browser.get(url)).statusCode

t.test(
  'a platform administrator sees all realms by page and search, with what needs attention',
  async (t) => {
    const { server, browser } = await platform(t)
    const { operations } = server
    for (let n = 0; n < 60; n++)
      await operations.realms.create(TESTER, `shop-${String(n).padStart(2, '0')}`, {
        displayName: `Läden <${n}>`,
      })
    const first = await browser.get(REALMS)
    t.match(textOf(first), 'shop-00')
    t.notMatch(textOf(first), 'shop-55')
    const [, next = ''] = /href="\?after&#61;([^"&]*)">Next page/.exec(first.body) ?? []
    t.match(textOf(await browser.get(`${REALMS}?after=${next}`)), /shop-55.*system/)
    for (const [search, found] of [
      ['SHOP-07', 'shop-07'],
      ['hop-41', 'shop-41'],
      ['läden <33', 'shop-33'],
      ['SYS', 'system'],
    ] as const) {
      const page = await browser.get(`${REALMS}?${new URLSearchParams({ search })}`)
      t.match(textOf(page), found, search)
      t.equal(page.body.match(/class="strong"/g)?.length, 1, search)
    }
    for (const search of ['%', '_', "';--", 'x'.repeat(500), '\\'])
      t.match(textOf(await browser.get(`${REALMS}?${new URLSearchParams({ search })}`)), 'No realm has')

    await operations.realms.create(TESTER, 'busy', { serviceAccountLimit: 1, shadowMode: false })
    const { clientSecret } = await operations.accounts.create(TESTER, 'busy', { name: 'CI' })
    await operations.realms.update(TESTER, 'busy', { leakedSecretAction: 'alert', tokenLifetimeSeconds: 900 })
    await operations.leakedSecrets.report(
      'busy',
      [{ token: clientSecret, url: 'https://code.example/x', source: 'commit' }],
      '203.0.113.7',
    )
    await operations.policy.update(TESTER, { maxTokenLifetimeSeconds: 600 })
    await operations.realms.create(TESTER, 'trial', { shadowMode: true })
    const busy = textOf(await browser.get(`${REALMS}/busy`))
    for (const need of ['1 with a leaked secret', 'Limit of accounts reached', 'Beyond the policy'])
      t.match(busy, need)
    t.match(textOf(await browser.get(`${REALMS}?search=trial`)), /Shadow mode 0 of 25/)
    t.notMatch(textOf(await browser.get(`${REALMS}?search=shop-01`)), /leaked|overdue|reached|Beyond/)
    server.clock.advance(91 * 86_400)
    t.match(
      textOf(await (await platformAdmin(server)).get(`${REALMS}?search=shop-01`)),
      'Key rotation overdue',
    )
  },
)

t.test('a realm is made with what a person needs, and the trail names the person', async (t) => {
  const { server, browser } = await platform(t)
  const { operations } = server
  const sent = {
    name: 'acme',
    display_name: 'Acme <b>',
    service_account_limit: '5',
    token_lifetime_seconds: '600',
    audiences: 'https://one.example\r\nhttps://two.example',
    scopes: 'read write',
    roles: 'deployer',
    algorithm: 'RS256',
    key_rotation_days: '30',
    leaked_secret_action: 'alert',
    allowed_auth_methods: 'private_key_jwt',
    shadow_mode: 'on',
  }
  const made = await browser.submit(NEW, NEW, sent)
  t.equal(made.headers.location, `${REALMS}/acme?done=created`)
  t.match(textOf(await browser.get(`${REALMS}/acme?done=created`)), /The realm is created.*Acme <b>/)
  t.match(await operations.realms.find(TESTER, 'acme'), {
    displayName: 'Acme <b>',
    serviceAccountLimit: 5,
    tokenLifetimeSeconds: 600,
    audiences: ['https://one.example', 'https://two.example'],
    scopes: ['read', 'write'],
    roles: ['deployer'],
    algorithm: 'RS256',
    keyRotationSeconds: 30 * 86_400,
    leakedSecretAction: 'alert',
    allowedAuthMethods: ['private_key_jwt'],
    shadowMode: true,
  })
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'realm.create', limit: 1 })
  t.match(items[0]?.actor, { kind: 'portal', id: 'link of cli:tester for Ann' })

  const again = await browser.submit(NEW, NEW, sent)
  t.equal(again.statusCode, 409)
  t.match(again.body, 'value="Acme &#60;b&#62;"', 'what was typed stays')
  for (const [field, value] of [
    ['name', 'Not a name'],
    ['name', ''],
    ['name', 'system'],
    ['name', '-deleted-1'],
    ['display_name', 'x'.repeat(201)],
    ['service_account_limit', '1e3'],
    ['service_account_limit', '99999999'],
    ['token_lifetime_seconds', '5'],
    ['key_rotation_days', '-1'],
    ['key_rotation_days', '0'],
    ['algorithm', 'none'],
    ['leaked_secret_action', 'toString'],
    ['allowed_auth_methods', 'password'],
    ['scopes', 'a"b'],
    ['roles', 'platform-admin'],
    ['audiences', 'x'.repeat(3000)],
  ] as const) {
    const answer = await browser.submit(NEW, NEW, { ...sent, name: 'beta', [field]: value })
    t.equal(answer.statusCode, 400, `${field} ${value.slice(0, 20)}`)
    t.match(answer.body, /aria-invalid="true"|role="alert"/)
  }
  await t.rejects(operations.realms.find(TESTER, 'beta'), { code: 'not_found' })
  await operations.policy.update(TESTER, { maxTokenLifetimeSeconds: 200, algorithms: ['EdDSA'] })
  const bare = { name: 'gamma', allowed_auth_methods: 'client_secret' }
  t.equal((await browser.submit(NEW, NEW, bare)).statusCode, 303)
  t.match(
    await operations.realms.find(TESTER, 'gamma'),
    { tokenLifetimeSeconds: 200, algorithm: 'EdDSA', scopes: ['view'], serviceAccountLimit: 25 },
    'what is left empty follows the policy',
  )
})

t.test('a platform administrator opens a realm, is seen and named there, and acts in it', async (t) => {
  const { server, browser } = await platform(t, 'acme', 'beta')
  const { operations } = server
  t.equal(await statusOf(browser, '/portal/acme/service-accounts'), 303, 'not before it is opened')
  const entered = await enter(browser, 'acme')
  t.equal(entered.headers.location, '/portal/acme/service-accounts')
  const list = await browser.get('/portal/acme/service-accounts')
  t.match(list.body, 'Platform administrator')
  t.match(list.body, `href="${REALMS}"`)
  const make = '/portal/acme/service-accounts/create'
  const account = { name: 'CI', auth_method: 'client_secret' }
  t.match(textOf(await browser.submit(make, make, account)), 'Service account created')
  const id = 'platform administrator link of cli:tester for Ann'
  for (const action of ['portal.sign-in', 'service-account.create']) {
    const { items } = await operations.audit.list(TESTER, 'acme', { action, limit: 9 })
    t.match(items, [{ actor: { kind: 'portal', id } }], action)
  }
  const admin = await adminOf(server, 'acme')
  const people = await admin.get('/portal/acme/people')
  t.match(textOf(people), /Ann Platform administrator from the list of realms/)
  t.equal(await statusOf(browser, '/portal/beta/service-accounts'), 303, 'no other realm is open by it')

  const [, end = ''] = /href="([^"]*\/end)" aria-label="End the session of Ann"/.exec(people.body) ?? []
  t.equal((await admin.submit(end, end)).statusCode, 303)
  t.equal(await statusOf(browser, make), 303, 'its Account Admins end it')
  t.equal(await statusOf(browser, REALMS), 200)
})

t.test("in a realm that was opened nobody does what is the platform's", async (t) => {
  const { server, browser } = await platform(t, 'acme', 'beta')
  const { version } = await server.operations.realms.find(TESTER, 'acme')
  await enter(browser, 'acme')
  for (const page of ['realms', 'new-realm', 'realms/beta', 'realms/acme', 'realms/beta/delete'])
    t.equal(await statusOf(browser, `/portal/acme/${page}`), 403, page)
  const { form_token: token = '' } = hiddenFields(
    (await browser.get('/portal/acme/people')).body,
    '/portal/acme/people/link',
  )
  for (const [path, fields] of [
    ['realms/beta/enter', {}],
    ['realms/beta/delete', { confirm: 'beta' }],
    ['realms/beta', { service_account_limit: '9', version: '1' }],
    ['realms/acme', { service_account_limit: '9', version }],
    ['new-realm', { name: 'mine' }],
    ['people/link', { person: 'Eve', access: 'platform' }],
  ] as const)
    t.match(
      String((await browser.post(`/portal/acme/${path}`, { ...fields, form_token: token })).statusCode),
      /40[34]/,
      path,
    )
})

t.test('an Account Admin or a viewer, also of realm system, reaches no other realm', async (t) => {
  const { server } = await platform(t, 'acme', 'beta')
  const { operations } = server
  const people = [
    ['acme', await adminOf(server, 'acme')],
    ['system', await adminOf(server, 'system')],
  ] as const
  for (const [realm, browser] of people) {
    const home = await browser.get(`/portal/${realm}/service-accounts`)
    t.notMatch(home.body, /\/realms"|new-realm/)
    for (const at of new Set([realm, 'system'])) {
      for (const page of ['realms', 'realms?search=b', 'new-realm', 'realms/beta', 'realms/beta/delete'])
        t.match(String(await statusOf(browser, `/portal/${at}/${page}`)), at === realm ? '403' : '303', page)
    }
    const { form_token: token = '' } = hiddenFields(home.body, `/portal/${realm}/sign-out`)
    for (const [path, fields] of [
      ['realms/beta/enter', {}],
      ['realms/beta/delete', { confirm: 'beta' }],
      ['realms/beta', { service_account_limit: '9', version: '1' }],
      ['new-realm', { name: 'mine' }],
      ['people/link', { person: 'Eve', access: 'platform' }],
    ] as const) {
      const answer = await browser.post(`/portal/${realm}/${path}`, { ...fields, form_token: token })
      t.match(String(answer.statusCode), /40[34]/, `${realm} ${path}`)
    }
    t.same([...browser.cookies.keys()], [`__Host-mintmark-portal-${realm}`])
    const { items } = await operations.audit.list(TESTER, realm, { outcome: 'refused', limit: 50 })
    t.ok(items.length >= 8, `refused attempts leave lines: ${items.length}`)
    t.notMatch(JSON.stringify(items), 'beta', 'which do not say which realm it was')
  }
  const { serviceAccountLimit } = await operations.realms.find(TESTER, 'beta')
  t.equal(serviceAccountLimit, 25)
  await t.rejects(operations.realms.find(TESTER, 'mine'))
  const viewer = await viewerOf(server, 'system')
  t.equal(await statusOf(viewer, REALMS), 403)
})

t.test('a session that was opened ends with the one that it came from', async (t) => {
  for (const how of ['sign-out', 'ended', 'demoted', 'idle'] as const) {
    const { server, browser } = await platform(t, 'acme')
    const { operations, clock } = server
    await enter(browser, 'acme')
    const form = hiddenFields(
      (await browser.get('/portal/acme/service-accounts/create')).body,
      '/portal/acme/service-accounts/create',
    )
    if (how === 'sign-out') await browser.submit('/portal/system/people', '/portal/system/sign-out')
    if (how === 'ended') await operations.portal.endSessions(TESTER, 'system', undefined)
    if (how === 'demoted') await demote(server)
    if (how === 'idle') clock.advance(32 * 60)
    t.equal(await statusOf(browser, '/portal/acme/service-accounts'), 303, how)
    const late = await browser.post('/portal/acme/service-accounts/create', { ...form, name: 'CI' })
    t.equal(late.statusCode, 401, how)
    t.same(await operations.portal.listSessions(TESTER, 'acme'), [], how)
    t.equal((await operations.realms.find(TESTER, 'acme')).serviceAccountCount, 0)
  }
})

t.test('work in a realm that was opened keeps the list of realms open, up to the end of both', async (t) => {
  const { server, browser } = await platform(t, 'acme')
  await enter(browser, 'acme')
  for (let step = 0; step < 4; step++) {
    server.clock.advance(20 * 60)
    t.equal(await statusOf(browser, '/portal/acme/service-accounts'), 200)
  }
  t.equal(await statusOf(browser, REALMS), 200)
  for (let step = 0; step < 20; step++) {
    server.clock.advance(20 * 60)
    await browser.get('/portal/acme/service-accounts')
  }
  t.equal(await statusOf(browser, '/portal/acme/service-accounts'), 303)
  t.equal(await statusOf(browser, REALMS), 303)
})

t.test('a realm is deleted by typing its name, and who was in it is out', async (t) => {
  const { server, browser } = await platform(t, 'acme')
  const { operations } = server
  await enter(browser, 'acme')
  const path = `${REALMS}/acme/delete`
  t.match(textOf(await browser.get(path)), 'To confirm, type its name')
  for (const confirm of ['', 'acm', 'ACME']) {
    const answer = await browser.submit(path, path, { confirm })
    t.equal(answer.statusCode, 400)
    t.match(textOf(answer), 'That is not its name')
  }
  t.equal(
    (await browser.submit(path, path, { confirm: ' acme ' })).headers.location,
    `${REALMS}?done=deleted`,
  )
  await t.rejects(operations.realms.find(TESTER, 'acme'), { code: 'not_found' })
  t.equal(await statusOf(browser, '/portal/acme/service-accounts'), 303)
  t.equal(await statusOf(browser, `${REALMS}/acme`), 404)
  for (const name of ['nothing', '%2e%2e', 'A', 'system/../acme']) {
    t.match(String(await statusOf(browser, `${REALMS}/${name}`)), /404|303/, name)
  }
  t.notMatch((await browser.get(`${REALMS}/system`)).body, '/delete')
  const { form_token: token = '' } = hiddenFields((await browser.get(REALMS)).body, '/portal/system/sign-out')
  const system = await browser.post(`${REALMS}/system/delete`, { confirm: 'system', form_token: token })
  t.equal(system.statusCode, 400)
  t.equal((await browser.post(`${REALMS}/system/enter`, { form_token: token })).statusCode, 400)
})

t.test("the limit of accounts is changed there, and not over somebody else's change", async (t) => {
  const { server, browser } = await platform(t, 'acme')
  const path = `${REALMS}/acme`
  t.equal((await browser.submit(path, path, { service_account_limit: '40' })).statusCode, 303)
  const { body } = await browser.get(path)
  await server.operations.realms.update(TESTER, 'acme', { displayName: 'Meanwhile' })
  const form = { ...hiddenFields(body, path), form_page: path.slice(1) }
  t.equal((await browser.post(path, { ...form, service_account_limit: '50' })).statusCode, 409)
  for (const wrong of ['', 'many', '-1', '10000001'])
    t.equal((await browser.submit(path, path, { service_account_limit: wrong })).statusCode, 400, wrong)
  t.equal((await server.operations.realms.find(TESTER, 'acme')).serviceAccountLimit, 40)
})

t.test("forms of the platform's pages are refused without their token and from another site", async (t) => {
  const { server, browser } = await platform(t, 'acme')
  await enter(browser, 'acme')
  const ofAcme = hiddenFields((await browser.get('/portal/acme/people')).body, '/portal/acme/people/link')
  for (const path of [`${REALMS}/acme/enter`, `${REALMS}/acme/delete`, `${REALMS}/acme`, NEW]) {
    const fields = { confirm: 'acme', name: 'mine', service_account_limit: '1', version: '1' }
    t.equal((await browser.post(path, fields)).statusCode, 403, path)
    t.equal((await browser.post(path, { ...fields, ...ofAcme })).statusCode, 403, path)
    const own = hiddenFields((await browser.get(REALMS)).body, '/portal/system/sign-out')
    const foreign = { 'sec-fetch-site': 'cross-site' }
    t.equal((await browser.post(path, { ...fields, ...own }, foreign)).statusCode, 403, path)
  }
  t.equal((await server.operations.realms.find(TESTER, 'acme')).serviceAccountLimit, 25)
})

t.test('a link for a platform administrator is made by one, for realm system alone', async (t) => {
  const { server, browser } = await platform(t, 'acme')
  const { operations } = server
  const people = '/portal/system/people'
  const made = await browser.submit(people, `${people}/link`, { person: 'Bob', access: 'platform' })
  t.match(textOf(made), 'as a platform administrator')
  const [, code = ''] = /sign-in#([\w-]{43})/.exec(made.body) ?? []
  const elsewhere = new Browser(server)
  t.equal((await elsewhere.post('/portal/acme/sign-in', { code })).statusCode, 403)
  const bob = new Browser(server)
  t.equal((await bob.post('/portal/system/sign-in', { code })).statusCode, 303)
  t.equal(await statusOf(bob, REALMS), 200)
  t.match(textOf(await bob.get(people)), /Bob Platform administrator You/)
  const { items } = await operations.audit.list(TESTER, 'system', { action: 'portal.link', limit: 1 })
  t.match(items[0], { details: { person: 'Bob', platform: true } })
  await t.rejects(operations.portal.createLink(TESTER, 'acme', { platform: true }), { code: 'invalid' })
  await t.rejects(operations.portal.createLink(TESTER, 'system', { platform: true, access: 'view' }), {
    code: 'invalid',
  })
})
