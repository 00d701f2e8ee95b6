import t, { type Test } from 'tap'
import { type Answer, adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Test) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { resourceTypes: ['site'] })
  await operations.resources.import(TESTER, 'acme', [
    { type: 'device_group', id: 'eu', name: 'Edge, Europe' },
    ...Array.from({ length: 30 }, (_, n) => ({ type: 'device', id: `gw/${n}`, name: `Gateway ${n}` })),
    { type: 'site', id: 'lyon' },
  ])
  const create = async (name: string) =>
    (await operations.accounts.create(TESTER, 'acme', { name })).account.clientId
  const clientId = await create('CI')
  const here = `/portal/acme/service-accounts/${clientId}/permissions`
  const grantsOf = async (one = clientId) =>
    (await operations.grants.list(TESTER, 'acme', one, { limit: 1000 })).items.map(
      ({ role, type, id }) => `${role} ${type}/${id}`,
    )
  const lines = async () =>
    (await operations.audit.list(TESTER, 'acme', { target: clientId, limit: 20 })).items.filter(
      ({ outcome }) => outcome === 'done',
    )
  const browser = await adminOf(server, 'acme')
  const send = async (path: string, pairs: readonly (readonly [string, string])[], page = here) => {
    const fields = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value]))
    fields.set('form_token', tokenOf(await browser.get(here)))
    fields.set('form_page', page.slice(1))
    return browser.post(`${here}/grants/${path}`, fields)
  }
  return { server, operations, clientId, here, create, grantsOf, lines, browser, send }
}

function tokenOf({ body }: Answer): string {
  return /name="form_token" value="([^"]+)"/.exec(body)?.[1] ?? ''
}

t.test('a role is granted on several hits at once, in one line of the trail', async (t) => {
  const { browser, here, send, grantsOf, lines, clientId, operations } = await acme(t)
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'operate', type: 'device', id: 'gw/1' })
  const page = `${here}?find=gateway`
  t.match((await browser.get(page)).body, 'form="grant-several" name="resource" value="device/gw/1"')
  const ticked = ['device/gw/1', 'device/gw/2', 'device_group/eu'].map((one) => ['resource', one] as const)
  const answer = await send('add-several', [['role', 'operate'], ...ticked], page)
  t.equal(answer.headers.location, `${here}?done=granted-2-1&find=gateway#grants`)
  t.match(
    textOf(await browser.get(answer.headers.location as string)),
    '2 grants added. 1 grant it had already. The next token says so.',
  )
  t.same(await grantsOf(), ['operate device/gw/1', 'operate device/gw/2', 'operate device_group/eu'])
  const [line, before] = await lines()
  t.match(line, { action: 'grant.add', details: { grants_added: 2, added: [{ id: 'gw/2' }, { id: 'eu' }] } })
  t.match(before, { action: 'grant.add', details: { grant: { id: 'gw/1' } } })
  const again = await send('add-several', [['role', 'operate'], ...ticked], page)
  t.match(
    textOf(await browser.get(again.headers.location as string)),
    '0 grants added. 3 grants it had already.',
  )
  t.equal((await lines()).length, 3, 'what changes nothing leaves no line')
})

t.test('what is no grant, or nothing, is refused whole', async (t) => {
  const { here, send, grantsOf } = await acme(t)
  const page = `${here}?find=gateway`
  for (const [pairs, message] of [
    [[['role', 'view']], 'Tick the resources to grant the role on.'],
    [
      [
        ['role', 'view'],
        ['resource', 'device/gw/1'],
        ['resource', 'device/none'],
      ],
      'Realm acme has no device none.',
    ],
    [
      [
        ['role', 'account-admin'],
        ['resource', 'device/gw/1'],
      ],
      'role must be one of',
    ],
    [
      [
        ['role', 'view'],
        ['resource', 'nonsense'],
      ],
      'Tick the resources',
    ],
  ] as const) {
    const answer = await send('add-several', pairs, page)
    t.equal(answer.statusCode, 400, message)
    t.match(textOf(answer), message)
  }
  t.equal((await send('remove-several', [])).statusCode, 400)
  t.equal((await send('remove-several', [['grant', '/device/x']])).statusCode, 400)
  t.equal((await send('remove-several', [['grant', 'view/device/gw/1']])).statusCode, 404)
  t.same(await grantsOf(), [])
})

t.test('several grants are removed at once, also if one is gone meanwhile', async (t) => {
  const { browser, here, send, grantsOf, lines, clientId, operations } = await acme(t)
  const all = Array.from({ length: 6 }, (_, n) => ({ role: 'view', type: 'device', id: `gw/${n}` }))
  await operations.grants.replace(TESTER, 'acme', clientId, all)
  const ticked = [1, 2, 3].map((n) => ['grant', `view/device/gw/${n}`] as const)
  t.match((await browser.get(here)).body, 'form="remove-several" name="grant" value="view/device/gw/1"')
  await operations.grants.remove(TESTER, 'acme', clientId, { role: 'view', type: 'device', id: 'gw/3' })
  const answer = await send('remove-several', ticked)
  t.equal(answer.headers.location, `${here}?done=removed-2-1#grants`)
  t.match(textOf(await browser.get(`${here}?done=removed-2-1`)), '2 grants removed. 1 grant it had no more.')
  t.same(await grantsOf(), ['view device/gw/0', 'view device/gw/4', 'view device/gw/5'])
  t.match((await lines())[0], { action: 'grant.remove', details: { grants_removed: 2 } })
  const details = await operations.tokens.preview(TESTER, 'acme', clientId)
  t.equal((details.authorization_details as unknown[]).length, 3, 'the next token says so')
})

t.test(
  'a role is granted on pasted ids; if some are unknown they are named and nothing is done',
  async (t) => {
    const { browser, here, send, grantsOf } = await acme(t)
    const page = `${here}/grants/paste`
    t.equal((await browser.get(page)).statusCode, 200)
    const paste = (ids: string) =>
      send(
        'paste',
        [
          ['grant_role', 'manage'],
          ['grant_type', 'device'],
          ['ids', ids],
        ],
        page,
      )
    const unknown = await paste('gw/1\r\nnone-1\r\ndevice_group/none-2\r\n')
    t.equal(unknown.statusCode, 400)
    t.match(textOf(unknown), 'Realm acme has no device none-1, device_group none-2. Nothing was done.')
    t.match(unknown.body, 'id="ids-fault"')
    t.match(unknown.body, />\ngw\/1\r?\nnone-1\r?\ndevice_group\/none-2/, 'what was pasted is there still')
    t.match(unknown.body, '<option value="manage" selected>')
    const many = await paste(Array.from({ length: 30 }, (_, n) => `none-${n}`).join('\n'))
    t.match(textOf(many), / and 20 more\./)
    t.same(await grantsOf(), [])
    t.equal((await paste(' \r\n ')).statusCode, 400)
    t.equal((await paste('two words')).statusCode, 400)
    const done = await paste('gw/1\r\n gw/2 \r\n\r\ngw/1\r\ndevice_group/eu\r\nsite/lyon')
    t.equal(done.headers.location, `${here}?done=granted-4-0#grants`)
    t.same(await grantsOf(), [
      'manage device/gw/1',
      'manage device/gw/2',
      'manage device_group/eu',
      'manage site/lyon',
    ])
  },
)

t.test('grants are copied from another account as they were shown', async (t) => {
  const { browser, here, send, grantsOf, lines, create, clientId, operations } = await acme(t)
  const other = await create('Other one')
  const key = (id: string) => ({ role: 'view', type: 'device', id })
  await operations.grants.replace(TESTER, 'acme', other, ['gw/1', 'gw/2', 'gw/3'].map(key))
  await operations.grants.add(TESTER, 'acme', clientId, key('gw/1'))
  await operations.grants.add(TESTER, 'acme', clientId, key('gw/9'))
  const copy = `${here}/grants/copy`
  const found = await browser.get(`${copy}?find=other`)
  t.match(textOf(found), 'Other one')
  t.match(found.body, `href="?source&#61;${other}"`)
  t.notMatch(textOf(await browser.get(`${copy}?find=CI`)), 'Choose', 'not of itself')
  const plan = await browser.get(`${copy}?source=${other}`)
  t.match(textOf(plan), '2 grants of Other one would be added. It has the other 1 already.')
  const [, version = ''] = /name="from_version" value="(\d+)"/.exec(plan.body) ?? []
  const sent = [
    ['from', other],
    ['from_version', version],
  ] as const
  await operations.grants.add(TESTER, 'acme', other, key('gw/4'))
  const late = await send('copy', sent, `${copy}?source=${other}`)
  t.equal(late.statusCode, 409)
  t.match(textOf(late), 'Other one was changed meanwhile')
  t.equal((await grantsOf()).length, 2)
  const done = await browser.submit(`${copy}?source=${other}`, copy)
  t.equal(done.headers.location, `${here}?done=granted-3-0#grants`)
  t.same(
    await grantsOf(),
    ['1', '2', '3', '4', '9'].map((n) => `view device/gw/${n}`),
  )
  t.match((await lines())[0], { action: 'grant.add', details: { grants_added: 3, copied_from: other } })
  t.match(textOf(await browser.get(`${copy}?source=${other}`)), 'It has all 4 grants of Other one already.')
  t.match(textOf(await browser.get(`${copy}?source=${await create('Bare')}`)), 'Bare has no grants.')
  t.equal((await browser.get(`${copy}?source=nobody`)).statusCode, 404)
})

t.test('500 grants fit on a page, and an act stays on it', async (t) => {
  const { browser, here, clientId, operations } = await acme(t)
  const all = Array.from({ length: 520 }, (_, n) => ({ type: 'device', id: `x${n}` }))
  for (const some of [all.slice(0, 500), all.slice(500)])
    await operations.resources.import(TESTER, 'acme', some)
  const wanted = all.map((one) => ({ role: 'view', ...one }))
  await operations.grants.replace(TESTER, 'acme', clientId, wanted)
  const first = await browser.get(here)
  t.match(textOf(first), 'Show 500 on a page')
  const many = await browser.get(`${here}?each=500`)
  t.equal(many.body.split('name="grant"').length - 1, 500)
  const removed = await browser.submit(`${here}?each=500`, `${here}/grants/remove`)
  t.equal(removed.headers.location, `${here}?done=removed&each=500#grants`)
})

t.test('a viewer gets no boxes, and is refused each act', async (t) => {
  const { server, here, create, clientId, grantsOf, operations } = await acme(t)
  const other = await create('Other')
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'view', type: 'device', id: 'gw/1' })
  const viewer = await viewerOf(server, 'acme')
  const page = await viewer.get(`${here}?find=gateway`)
  t.notMatch(page.body, /remove-several|grant-several|grants\/(paste|copy)/)
  const form_token = tokenOf(page)
  for (const path of ['paste', `copy?source=${other}`])
    t.equal((await viewer.get(`${here}/grants/${path}`)).statusCode, 403, path)
  for (const [path, fields] of [
    ['add-several', { role: 'view', resource: 'device/gw/2' }],
    ['remove-several', { grant: 'view/device/gw/1' }],
    ['paste', { grant_role: 'view', grant_type: 'device', ids: 'gw/2' }],
    ['copy', { from: other, from_version: '1' }],
  ] as const)
    t.equal((await viewer.post(`${here}/grants/${path}`, { ...fields, form_token })).statusCode, 403, path)
  t.same(await grantsOf(), ['view device/gw/1'])
})
