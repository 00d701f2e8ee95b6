import pg from 'pg'
import t, { type Test } from 'tap'
import { MAX_SORTED_ACCOUNTS } from '../../src/domain/account-filter.ts'
import { type Answer, adminOf, hiddenFields, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 100, roles: ['deployer'] })
  return { server, browser: await adminOf(server, 'acme') }
}

interface Asked {
  readonly description?: string
  readonly roles?: string[]
  readonly metadata?: Record<string, string>
}

async function create({ operations }: TestServer, name: string, asked: Asked = {}) {
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name, ...asked })
  return { clientId: account.clientId, clientSecret }
}

async function use(server: TestServer, { clientId, clientSecret }: Awaited<ReturnType<typeof create>>) {
  await server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`,
  })
  await server.operations.uses.write()
}

/** Names in the list, in its order. */
const namesIn = ({ body }: Answer) =>
  [...body.matchAll(/<a class="strong" href="[^"]*"><bdi class="named">([^<]*)/g)].map(([, name]) => name)

t.test('the list finds by name, client_id, description, owner and tag, in any case', async (t) => {
  const { server, browser } = await acme(t)
  const alpha = await create(server, 'Alpha', { description: 'Builds the shop' })
  await create(server, 'Beta', { metadata: { owner: 'Team Ärmel', tags: 'prod, eu-west', else: 'shop' } })
  await create(server, 'Gamma')
  const found = async (search: string) =>
    namesIn(await browser.get(`${LIST}?search=${encodeURIComponent(search)}`))
  t.same(await found('ALPH'), ['Alpha'])
  t.same(await found(alpha.clientId.slice(5, 20).toUpperCase()), ['Alpha'])
  t.same(await found('the SHOP'), ['Alpha'])
  t.same(await found('shop'), ['Alpha'], 'other metadata is no label')
  t.same(await found('TEAM'), ['Beta'])
  t.same(await found('m Ärm'), ['Beta'])
  t.same(await found('EU-WEST'), ['Beta'])
  for (const none of ['owner', 'tags', '%', '__', "'", '\\', '"']) t.same(await found(none), [], none)
  t.match(textOf(await browser.get(`${LIST}?search=%3Cb%3E`)), 'No service account has “<b>” in its name')
})

t.test('each filter of the list leaves what it says, and filters add up', async (t) => {
  const { server, browser } = await acme(t)
  const { operations, clock } = server
  const old = await create(server, 'Old', { roles: ['view', 'deployer'] })
  const off = await create(server, 'Off', { roles: ['view', 'deployer'] })
  const leaked = await create(server, 'Leaked')
  clock.advance(91 * 86_400)
  const fresh = await adminOf(server, 'acme')
  const rotating = await create(server, 'Rotating')
  await operations.accounts.update(TESTER, 'acme', off.clientId, { enabled: false })
  await operations.secrets.startRotation(TESTER, 'acme', rotating.clientId)
  await operations.leakedSecrets.report(
    'acme',
    [{ token: leaked.clientSecret, url: undefined, source: 'x' }],
    '192.0.2.1',
  )
  const found = async (query: string) => namesIn(await fresh.get(`${LIST}?${query}`))
  t.same(await found('state=disabled'), ['Off'])
  t.same(await found('state=enabled'), ['Leaked', 'Old', 'Rotating'])
  t.same(await found('role=deployer'), ['Off', 'Old'])
  t.same(await found('role=deployer&state=enabled'), ['Old'])
  t.same(await found('need=unused'), ['Leaked', 'Off', 'Old'])
  t.same(await found('need=rotating'), ['Rotating'])
  t.same(await found('need=leaked'), ['Leaked'])
  t.same(await found('auth_method=client_secret&search=old'), ['Old'])
  t.same(await found('state=nonsense&role=%20x&need=&order=upwards'), ['Leaked', 'Off', 'Old', 'Rotating'])
  t.match(textOf(await fresh.get(`${LIST}?role=manage`)), 'No service account is like that')
  const { body } = await fresh.get(`${LIST}?role=deployer&state=enabled&search=o`)
  t.match(body, /<option value="deployer" selected>/)
  t.match(body, /<option value="enabled" selected>/)
  await use(server, old)
  t.same(await found('need=unused'), ['Leaked', 'Off'])
  t.ok(browser)
})

t.test('the list is sorted by creation and by last use, page by page', async (t) => {
  const { server, browser } = await acme(t)
  const made: Awaited<ReturnType<typeof create>>[] = []
  for (let n = 0; n < 60; n++) {
    made.push(await create(server, `Robot ${String((n * 7) % 60).padStart(2, '0')}`))
    server.clock.advance(1)
  }
  await use(server, made[5] as (typeof made)[number])
  server.clock.advance(120)
  await use(server, made[9] as (typeof made)[number])
  const all = async (order: string) => {
    const first = await browser.get(`${LIST}?order=${order}`)
    const [, next = ''] = /href="(\?[^"]*after[^"]*)"/.exec(first.body) ?? []
    const path = next.replaceAll('&#61;', '=').replaceAll('&#38;', '&')
    t.match(path, `order=${order}`)
    const second = await browser.get(LIST + path)
    t.match(second.body, /Back<\/a>/)
    return [...namesIn(first), ...namesIn(second)]
  }
  const byAge = made.map((_, n) => `Robot ${String((n * 7) % 60).padStart(2, '0')}`)
  t.same(await all('newest'), byAge.toReversed())
  const used = await all('last-used')
  t.same(used.slice(0, 2), [byAge[9], byAge[5]])
  t.equal(new Set(used).size, 60)
  t.same((await all('unused')).slice(-2), [byAge[5], byAge[9]])
})

t.test('a realm with very many accounts is listed by name alone', async (t) => {
  const { server, browser } = await acme(t)
  await create(server, 'Alpha')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query('update realms set service_account_count = $1', [MAX_SORTED_ACCOUNTS + 1])
  await client.end()
  const answer = await browser.get(`${LIST}?order=newest`)
  t.same(namesIn(answer), ['Alpha'])
  t.notMatch(answer.body, 'Sort by')
  const list = { after: '', limit: 9, order: 'newest' } as const
  await t.rejects(server.operations.accounts.list(TESTER, 'acme', list), { code: 'invalid' })
})

t.test('owner and tags are given, shown, changed and removed, and other metadata stay', async (t) => {
  const { server, browser } = await acme(t)
  const form = `${LIST}/create`
  await browser.submit(form, form, { name: 'CI', owner: ' Team <A> ', tags: 'prod, eu,prod  x/y' })
  const [account] = (await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 1 })).items
  const clientId = account?.clientId as string
  t.same(account?.metadata, { owner: 'Team <A>', tags: 'prod, eu, x/y' })
  const list = await browser.get(LIST)
  t.match(textOf(list), 'Team <A>')
  t.match(list.body, `href="${LIST}?search=x%2Fy"`)
  const here = `${LIST}/${clientId}`
  await server.operations.accounts.update(TESTER, 'acme', clientId, {
    metadata: { ...account?.metadata, cost: '4711' },
  })
  await browser.submit(here, here, { name: 'CI', description: '', owner: 'Bob', tags: '' })
  const metadata = async () => (await server.operations.accounts.find(TESTER, 'acme', clientId)).metadata
  t.same(await metadata(), { owner: 'Bob', cost: '4711' })
  // A form of the version before has no such fields.
  await browser.submit(here, here, { name: 'CI 2', description: '' })
  t.same(await metadata(), { owner: 'Bob', cost: '4711' })
  for (const [field, value] of [
    ['owner', 'x'.repeat(101)],
    ['owner', 'a\u0000b'],
    ['tags', 'a b c d e f g h i j k'],
    ['tags', '<script>'],
    ['tags', 'x'.repeat(41)],
  ] as const) {
    const sent = { name: 'CI 2', description: '', owner: '', tags: '', [field]: value }
    const answer = await browser.submit(here, here, sent)
    t.equal(answer.statusCode, 400, value)
    const made = await browser.submit(form, form, { ...sent, name: 'Other' })
    t.equal(made.statusCode, 400, value)
  }
  t.same(await metadata(), { owner: 'Bob', cost: '4711' })
  await browser.submit(here, here, { name: 'CI 2', description: '', owner: '', tags: '' })
  t.same(await metadata(), { cost: '4711' })
})

t.test('several accounts are disabled or deleted at once, after a summary that names them', async (t) => {
  const { server, browser } = await acme(t)
  const { operations } = server
  const [a, b, c] = [await create(server, 'A'), await create(server, 'B'), await create(server, 'C')]
  const bulk = `${LIST}/bulk`
  const query = (act: string, ...ids: string[]) =>
    `${bulk}?${new URLSearchParams([['act', act], ...ids.map((id): [string, string] => ['account', id])])}`
  const send = async (address: string, more: Record<string, string> = {}) => {
    const { body } = await browser.get(address)
    const { form_token = '', form_page = '' } = hiddenFields(body, bulk)
    const fields = new URLSearchParams({ form_token, form_page, ...more })
    const [act] = new URL(address, 'http://x').searchParams.getAll('act')
    fields.set('act', act as string)
    for (const id of new URL(address, 'http://x').searchParams.getAll('account')) fields.append('account', id)
    return browser.post(bulk, fields)
  }
  const summary = textOf(await browser.get(query('disable', a.clientId, b.clientId, 'unknown', a.clientId)))
  t.match(summary, /2 service accounts get no more tokens/)
  t.match(summary, new RegExp(`A ${a.clientId}.*B ${b.clientId}`))
  t.equal((await operations.accounts.find(TESTER, 'acme', a.clientId)).disabledAt, undefined, 'not yet')
  t.match(textOf(await send(query('disable', a.clientId, b.clientId))), '2 service accounts are disabled.')
  t.ok((await operations.accounts.find(TESTER, 'acme', b.clientId)).disabledAt)
  t.equal((await operations.accounts.find(TESTER, 'acme', c.clientId)).disabledAt, undefined)

  // Somebody else deletes one between the summary and the click.
  await operations.accounts.delete(TESTER, 'acme', b.clientId)
  t.match(textOf(await send(query('delete', a.clientId, b.clientId))), '1 service account is deleted.')
  const { items } = await operations.accounts.list(TESTER, 'acme', { after: '', limit: 9 })
  t.same(
    items.map(({ name }) => name),
    ['C'],
  )
  const { items: lines } = await operations.audit.list(TESTER, 'acme', {
    action: 'service-account.delete',
    limit: 9,
  })
  t.equal(lines.length, 2, 'each has its line in the trail')

  await use(server, c)
  const used = query('delete', c.clientId)
  t.match(
    textOf(await browser.get(used)),
    /1 of them was used in the last 30 days.*type the number of accounts: 1/,
  )
  for (const confirm of ['', '2', 'C']) t.equal((await send(used, { confirm })).statusCode, 400)
  t.match(textOf(await send(used, { confirm: ' 1 ' })), '1 service account is deleted.')
  for (const nothing of [bulk, query('delete'), query('rename', c.clientId), query('delete', 'unknown')])
    t.match(textOf(await browser.get(nothing)), 'Tick the service accounts in the list first.')
})

t.test('what cannot be deleted is told by name, and the others are', async (t) => {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the test')
  const browser = await adminOf(server, 'system')
  const list = '/portal/system/service-accounts'
  const { account: last } = await server.operations.accounts.create(TESTER, 'system', {
    name: 'Last',
    roles: ['view'],
  })
  const { form_token = '' } = hiddenFields((await browser.get(list)).body, '/portal/system/sign-out')
  const fields = new URLSearchParams({ form_token, act: 'delete' })
  for (const clientId of ['root', last.clientId]) fields.append('account', clientId)
  const answer = textOf(await browser.post(`${list}/bulk`, fields))
  t.match(answer, /1 service account is deleted\..*1 service account could not be deleted: /)
  t.ok(await server.operations.accounts.find(TESTER, 'system', 'root'))
})

t.test('a viewer ticks nothing and changes nothing at once', async (t) => {
  const { server } = await acme(t)
  const { clientId } = await create(server, 'A')
  const viewer = await viewerOf(server, 'acme')
  const list = await viewer.get(LIST)
  t.notMatch(list.body, 'id="bulk"')
  t.equal((await viewer.get(`${LIST}/bulk?act=delete&account=${clientId}`)).statusCode, 403)
  const { form_token = '' } = hiddenFields(list.body, '/portal/acme/sign-out')
  const answer = await viewer.post(`${LIST}/bulk`, { form_token, act: 'delete', account: clientId })
  t.match(textOf(answer), 'could not be deleted')
  t.ok(await server.operations.accounts.find(TESTER, 'acme', clientId))
})

t.test('the name is typed to delete what was used in the last 30 days', async (t) => {
  const { server } = await acme(t)
  const used = await create(server, 'CI  of  the shop')
  await use(server, used)
  const browser = await adminOf(server, 'acme')
  const path = `${LIST}/${used.clientId}/delete`
  t.match(textOf(await browser.get(path)), 'To confirm, type its name')
  for (const confirm of ['', 'CI', 'ci of the shop', used.clientId]) {
    const answer = await browser.submit(path, path, { confirm })
    t.equal(answer.statusCode, 400, confirm)
    t.match(textOf(answer), 'That is not its name.')
  }
  server.clock.advance(31 * 86_400)
  const later = await adminOf(server, 'acme')
  t.notMatch(textOf(await later.get(path)), 'type its name')
  server.clock.advance(-31 * 86_400)
  t.equal((await browser.submit(path, path, { confirm: 'CI of the shop' })).statusCode, 303)
  await t.rejects(server.operations.accounts.find(TESTER, 'acme', used.clientId), { code: 'not_found' })
})
