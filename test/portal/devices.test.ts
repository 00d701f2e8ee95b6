import t, { type Test } from 'tap'
import { type Answer, adminOf, type Browser, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/devices'

async function acme(t: Test) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { resourceTypes: ['site'] })
  await operations.resources.import(TESTER, 'acme', [
    { type: 'device_group', id: 'eu', name: 'Edge, Europe' },
    ...Array.from({ length: 120 }, (_, n) => ({
      type: 'device',
      id: `gw/${String(n).padStart(3, '0')}`,
      name: `Gateway ${n}`,
      ...(n < 60 && { groups: ['eu'] }),
    })),
    { type: 'site', id: 'lyon' },
  ])
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const list = async (type?: string) =>
    (await operations.resources.list(TESTER, 'acme', { limit: 1000, type })).items
  return { server, operations, browser: await adminOf(server, 'acme'), clientId, list }
}

function hrefOf({ body }: Answer, label: string): string {
  const links = [...body.matchAll(/<a class="button small" href="([^"]*)">([^<]*)/g)]
  const [, href = ''] = links.find(([, , words]) => words === label) ?? []
  return LIST + href.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

t.test('devices are listed in pages, forth and back, searched and filtered', async (t) => {
  const { browser } = await acme(t)
  const first = await browser.get(LIST)
  t.match(textOf(first), 'Gateway 0 Device gw/000 eu')
  t.match(textOf(first), 'Gateway 49')
  t.notMatch(textOf(first), 'Gateway 50')
  const second = await browser.get(hrefOf(first, 'Next page'))
  t.match(textOf(second), 'Gateway 50 Device gw/050')
  const third = await browser.get(hrefOf(second, 'Next page'))
  t.match(textOf(third), 'Edge, Europe Device group eu none')
  t.match(textOf(third), 'lyon site')
  t.match(textOf(await browser.get(hrefOf(third, 'Back'))), 'Gateway 50 ')

  t.match(textOf(await browser.get(`${LIST}?search=GATEWAY+117`)), 'Gateway 117 Device gw/117')
  const groups = textOf(await browser.get(`${LIST}?type=device_group`))
  t.match(groups, 'Edge, Europe')
  t.notMatch(groups, 'Gateway')
  t.match(textOf(await browser.get(`${LIST}?search=nope`)), 'No match has “ nope ” in its name or id')
  t.match(textOf(await browser.get(`${LIST}?type=site&search=gate`)), 'No match has')
  t.equal((await browser.get(`${LIST}?after=nonsense`)).statusCode, 400)
  t.match(textOf(await browser.get(`${LIST}?type=none`)), 'Gateway 0', 'a type that is none is no filter')
})

t.test('what is in a group is listed, in pages and searched too', async (t) => {
  const { browser } = await acme(t)
  const group = `${LIST}?group=device_group%2Feu`
  const first = await browser.get(group)
  t.match(textOf(first), 'In the group eu')
  const rest = await browser.get(hrefOf(first, 'Next page'))
  t.match(textOf(rest), 'Gateway 59')
  t.notMatch(textOf(rest), 'Gateway 60')
  t.match(textOf(await browser.get(`${group}&search=gateway+59`)), 'Gateway 59 Device')
  t.match(textOf(await browser.get(`${group}&search=gateway+60`)), 'No match has')
  const page = await browser.get(`${LIST}/device_group/eu`)
  t.match(textOf(page), /What is in it Gateway 0 Device .* All of it/)
  t.match(page.body, 'href="/portal/acme/devices?group&#61;device_group%2Feu"')
})

t.test('a device says who may do what on it, also by its groups, and accounts lead back to it', async (t) => {
  const { operations, browser, clientId } = await acme(t)
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'Other' })
  await operations.accounts.update(TESTER, 'acme', account.clientId, { enabled: false })
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'operate', type: 'device', id: 'gw/001' })
  const onGroup = { role: 'manage', type: 'device_group', id: 'eu' }
  await operations.grants.add(TESTER, 'acme', account.clientId, onGroup)
  const here = `${LIST}/device/gw%2F001`
  const page = await browser.get(here)
  t.match(textOf(page), 'CI operate itself')
  t.match(textOf(page), /Other manage Device group eu .* Disabled/)
  t.match(page.body, `href="/portal/acme/service-accounts/${clientId}/permissions"`)
  const permissions = await browser.get(`/portal/acme/service-accounts/${clientId}/permissions`)
  t.match(permissions.body, `href="${here}"`)
  const managers = textOf(await browser.get(`${here}?role=manage`))
  t.match(managers, 'Other manage')
  t.notMatch(managers, 'CI operate')
  t.match(textOf(await browser.get(`${LIST}/device/gw%2F100`)), 'No service account has a role on it.')
  t.equal((await browser.get(`${LIST}/device/none`)).statusCode, 404)
  t.equal((await browser.get(`${LIST}/nothing/none`)).statusCode, 404)
  t.equal((await browser.get(`${here}?after=nonsense`)).statusCode, 400)
})

t.test('a device is added once, and a fault is told at its field with what was typed', async (t) => {
  const { browser, list } = await acme(t)
  const add = `${LIST}/add`
  const fields = { type: 'device', id: 'new-1', name: 'New one', groups: 'eu\r\n' }
  const added = await browser.submit(add, add, fields)
  t.equal(added.headers.location, `${LIST}?done=added`)
  t.match(
    (await list('device')).find(({ id }) => id === 'new-1'),
    { name: 'New one', groups: ['eu'] },
  )
  for (const [field, fault, message] of [
    ['id', { name: 'Mine' }, 'There is a device with that id already.'],
    ['id', { id: 'two words' }, 'An id begins with'],
    ['groups', { id: 'new-2', groups: 'nowhere' }, 'There is no device_group/nowhere.'],
    ['name', { id: 'new-2', name: 'x'.repeat(101) }, 'A name has 1 to 100'],
  ] as const) {
    const answer = await browser.submit(add, add, { ...fields, ...fault })
    t.equal(answer.statusCode, 400, message)
    t.match(answer.body, `id="${field}-fault"`)
    t.match(textOf(answer), message)
  }
  const again = await browser.submit(add, add, { ...fields, name: 'Mine' })
  t.match(again.body, 'value="Mine"')
  t.match(
    (await list('device')).find(({ id }) => id === 'new-1'),
    { name: 'New one' },
  )
  t.equal((await browser.submit(add, add, { ...fields, type: 'car' })).statusCode, 400)
})

t.test('name and groups are changed, unless somebody else changed them meanwhile', async (t) => {
  const { operations, browser, server } = await acme(t)
  const here = `${LIST}/device/gw%2F001`
  const { version = '' } = versionOf(await browser.get(here))
  const saved = await browser.submit(here, here, { name: 'Renamed', groups: '' })
  t.equal(saved.headers.location, `${here}?done=saved`)
  const key = { type: 'device', id: 'gw/001' }
  t.match(await operations.resources.find(TESTER, 'acme', key), { name: 'Renamed', groups: [] })
  const late = await browser.submit(here, here, { name: 'Late', groups: 'eu', version })
  t.equal(late.statusCode, 409)
  t.match(textOf(late), /another administrator changed it meanwhile.*Last change/)
  t.match(late.body, 'value="Late"')
  t.match(late.body, 'Save mine anyway')
  t.match(await operations.resources.find(TESTER, 'acme', key), { name: 'Renamed' })
  await operations.resources.delete(TESTER, 'acme', key)
  const gone = { name: 'Gone', groups: '', version, form_token: tokenOf(await browser.get(LIST)) }
  t.equal((await browser.post(here, gone)).statusCode, 409, 'what is gone is not made again')
  t.equal((await operations.resources.list(TESTER, 'acme', { limit: 9, contains: 'gw/001' })).items.length, 0)
  t.ok(server)
})

function versionOf({ body }: Answer) {
  return { version: /name="version" value="([^"]+)"/.exec(body)?.[1] }
}

function tokenOf({ body }: Answer): string {
  return /name="form_token" value="([^"]+)"/.exec(body)?.[1] ?? ''
}

t.test('devices and groups are deleted after it was told how many grants end', async (t) => {
  const { operations, browser, clientId, list } = await acme(t)
  const keys = [
    ['device', 'gw/001'],
    ['device_group', 'eu'],
  ] as const
  for (const [type, id] of keys)
    for (const role of ['view', 'operate'])
      await operations.grants.add(TESTER, 'acme', clientId, { role, type, id })
  const del = `${LIST}/delete`
  const query = new URLSearchParams([
    ...keys.map(([type, id]): [string, string] => ['resource', `${type}/${id}`]),
    ['resource', 'device/none'],
  ])
  const page = await browser.get(`${del}?${query}`)
  t.match(textOf(page), '4 grants end with them.')
  t.match(textOf(page), 'What is in them (60) stays')
  t.match(textOf(page), 'Gateway 1 Device · gw/001 2 grants of 1 account')
  const form = new URLSearchParams(query)
  form.set('form_token', tokenOf(page))
  form.set('grants', '4')
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'manage', type: 'device', id: 'gw/001' })
  const grown = await browser.post(del, form)
  t.equal(grown.statusCode, 409)
  t.match(textOf(grown), /Nothing was deleted: meanwhile .* 5 grants end/)
  form.set('grants', '5')
  const done = await browser.post(del, form)
  t.equal(done.headers.location, `${LIST}?done=deleted`)
  t.same((await operations.grants.list(TESTER, 'acme', clientId, { limit: 9 })).items, [])
  t.equal((await list('device')).length, 119)
  t.same(await list('device_group'), [])
  const twice = await browser.post(del, form)
  t.match(textOf(twice), 'Nothing is ticked', 'what is gone is not deleted again')
  t.match(textOf(await browser.get(del)), 'Nothing is ticked')
  const free = textOf(await browser.get(`${del}?resource=device%2Fgw%2F002`))
  t.match(free, 'No account has a role on it: no grant ends.')
})

const BOUNDARY = '----WebKitFormBoundaryQ8Zk2'

const multipart = (fields: Record<string, string>, file?: string) => {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  if (file !== undefined)
    parts.push(
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.ndjson"\r\ncontent-type: application/x-ndjson\r\n\r\n${file}\r\n`,
    )
  return `${parts.join('')}--${BOUNDARY}--\r\n`
}

/** As a browser sends a form with a file. */
async function upload(browser: Browser, server: TestServer, payload: string) {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return (await server.app.inject({
    method: 'POST',
    url: `${LIST}/import`,
    payload,
    headers: {
      cookie,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'sec-fetch-site': 'same-origin',
    },
  })) as Answer
}

t.test('a file is checked before it is imported, with its faults by line', async (t) => {
  const { server, operations, browser, list } = await acme(t)
  const form_token = tokenOf(await browser.get(`${LIST}/import`))
  const lines = [
    '{"type":"device_group","id":"us"}',
    '{"type":"device","id":"n1","name":"Né","groups":["us"]}',
    '',
    '{"type":"device","id":"gw/000","name":"Gateway 0","groups":["eu"]}',
    '{"type":"device","id":"gw/001","name":"Other"}',
    '{"type":"device","id":"n2","groups":["none"]}',
    '{"type":"car","id":"n3"}',
    'not json',
    '{"type":"device","id":"n1","name":"Né","groups":["us"]}',
  ].join('\r\n')
  const checked = await upload(browser, server, multipart({ form_token, act: 'check', lines: '' }, lines))
  t.equal(checked.statusCode, 200)
  const told = '2 lines would be added, 1 changed; 2 are as they are already, and 3 would be refused.'
  t.match(textOf(checked), told)
  t.match(textOf(checked), 'Line 6, groups: There is no device_group/none.')
  t.match(textOf(checked), 'Line 7, type: type must be one of')
  t.match(textOf(checked), 'Line 8: The line is not JSON.')
  t.match(textOf(checked), 'Import 3 lines')
  t.equal((await list()).length, 122, 'nothing was imported')

  const [, fingerprint = ''] = /name="checked" value="([^"]+)"/.exec(checked.body) ?? []
  const sent = { form_token, checked: fingerprint, lines }
  const other = await upload(browser, server, multipart({ ...sent, lines: `${lines}\n{}`, act: 'import' }))
  t.match(textOf(other), '4 would be refused', 'other lines are checked first')
  t.equal((await list()).length, 122)
  const done = await upload(browser, server, multipart({ ...sent, act: 'import' }))
  t.match(textOf(done), '2 lines were added, 1 changed; 2 were as they are already, and 3 were refused.')
  t.match(await operations.resources.find(TESTER, 'acme', { type: 'device', id: 'n1' }), {
    name: 'Né',
    groups: ['us'],
  })
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'resource.import', limit: 9 })
  t.match(items[0], { actor: { kind: 'portal' }, details: { refused: 3 } })
})

t.test('a check foretells what the import does, also at the limit of the realm', async (t) => {
  const { operations } = await acme(t)
  await operations.policy.update(TESTER, { maxResourcesPerRealm: 124 })
  const entries = [
    { type: 'device', id: 'a' },
    { type: 'device', id: 'a', name: 'again' },
    { type: 'device', id: 'm', groups: ['late'] },
    { type: 'device_group', id: 'late' },
    { type: 'device', id: 'm', groups: ['late'] },
    { type: 'device', id: 'gw/000', name: 'Gateway 0', groups: ['eu'] },
    { type: 'device', id: 'gw/001', name: 'changed' },
    17,
    { type: 'device', id: 'b', extra: true },
  ]
  const foretold = await operations.resources.check(TESTER, 'acme', entries)
  const told = (outcomes: typeof foretold) =>
    outcomes.map((one) => (one.status === 'refused' ? one.refusal.message : one.status))
  const statuses = told(foretold)
  t.same(
    [statuses[0], statuses[1], statuses[3], statuses[5], statuses[6]],
    ['created', 'updated', 'created', 'unchanged', 'updated'],
  )
  t.match(statuses[2], 'There is no device_group/late.')
  t.match(statuses[4], 'has reached its limit of 124 resources')
  t.same(told(await operations.resources.import(TESTER, 'acme', entries)), statuses)
})

t.test('an import without lines, with two sources, or too large is refused', async (t) => {
  const { server, browser, list } = await acme(t)
  const page = await browser.get(`${LIST}/import`)
  const fields = { form_token: tokenOf(page), form_page: 'portal/acme/devices/import', act: 'check' }
  const none = await upload(browser, server, multipart({ ...fields, lines: ' ' }, ''))
  t.equal(none.statusCode, 400)
  t.match(textOf(none), 'Choose a file, or paste its lines.')
  const both = await upload(browser, server, multipart({ ...fields, lines: '{}' }, '{}'))
  t.equal(both.statusCode, 400)
  t.match(textOf(both), 'not both')
  t.match(both.body, /<textarea[^>]*>\n\{\}<\/textarea>/)
  const large = await upload(browser, server, multipart(fields, 'x'.repeat(4 * 1024 * 1024)))
  t.equal(large.statusCode, 413)
  t.match(textOf(large), 'Send it in parts, or by the admin API or the command line.')
  t.equal((await upload(browser, server, 'nonsense')).statusCode, 400)
  t.equal((await browser.post(`${LIST}/add`, { id: 'x'.repeat(70_000) })).statusCode, 413, 'others are small')
  browser.cookies.clear()
  t.equal((await upload(browser, server, multipart(fields, '{}'))).statusCode, 401)
  const long = await upload(browser, server, multipart({ ...fields, lines: 'x'.repeat(300_000) }))
  t.equal(long.statusCode, 401)
  const unread = await upload(browser, server, multipart(fields, 'x'.repeat(5 * 1024 * 1024)))
  t.equal(unread.statusCode, 401, 'it is not read of strangers')
  t.equal((await list()).length, 122)
})

t.test('a viewer sees devices and who may do what, and changes nothing', async (t) => {
  const { server, operations, clientId, list } = await acme(t)
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'operate', type: 'device', id: 'gw/001' })
  const viewer = await viewerOf(server, 'acme')
  const here = `${LIST}/device/gw%2F001`
  const page = await viewer.get(here)
  t.match(textOf(page), 'CI operate itself')
  for (const { body } of [page, await viewer.get(LIST)]) {
    t.notMatch(body, /<form method="post" action="\/portal\/acme\/devices/)
    t.notMatch(body, 'type="checkbox"')
    t.notMatch(body, '/devices/delete')
  }
  const form_token = tokenOf(page)
  for (const path of ['add', 'import', 'delete?resource=device%2Fgw%2F001'])
    t.equal((await viewer.get(`${LIST}/${path}`)).statusCode, 403, path)
  const resource = 'device/gw/001'
  for (const [path, fields] of [
    [`${LIST}/add`, { type: 'device', id: 'x' }],
    [`${LIST}/import`, { lines: '{"type":"device","id":"x"}', act: 'check' }],
    [`${LIST}/delete`, { resource, grants: '9' }],
    [here, { name: 'x', groups: '' }],
  ] as const)
    t.equal((await viewer.post(path, { ...fields, form_token })).statusCode, 403, path)
  t.equal((await list()).length, 122)
})
