import t, { type Test } from 'tap'
import { type AdminAnswer, type Ask, adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

const ACCOUNTS = '/admin/realms/acme/service-accounts'

async function acme(t: Test) {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await server.operations.realms.create(TESTER, 'acme')
  return { server, ask }
}

function isProblem(t: Test, answer: AdminAnswer, status: number, code: string, more: object = {}): void {
  t.equal(answer.status, status, answer.text)
  t.match(answer.body, {
    type: `urn:mintmark:problem:${code}`,
    status,
    title: String,
    detail: String,
    ...more,
  })
}

t.test('a body is refused naming the member at fault', async (t) => {
  const { ask } = await acme(t)
  const cases: [unknown, string | undefined, RegExp][] = [
    [{ name: 'x', colour: 'red' }, 'colour', /^colour is not a known member\.$/],
    [{}, 'name', /^name is missing\.$/],
    [undefined, 'name', /^name is missing\.$/],
    [{ name: 7 }, 'name', /^name must be a string\.$/],
    [{ name: '' }, 'name', /^name must have 1 to 100 characters\.$/],
    [{ name: 'x', roles: ['view', 7] }, 'roles.1', /^roles\.1 must be a string\.$/],
    [{ name: 'x', roles: ['nothing'] }, 'roles', /^roles must be different ones of/],
    [{ name: 'x', client_id: 'only' }, 'client_id', /go together/],
    [[], undefined, /^The body must be an object\.$/],
    ['{"name"', undefined, /^The JSON of the body ends too early: line 1, column 8\.$/],
    ['{\n  "name": secret-value\n}', undefined, /^The body is not JSON: line 2, column 11\.$/],
    ['{"name": "x", "__proto__": {}}', undefined, /__proto__/],
  ]
  for (const [body, field, detail] of cases)
    isProblem(t, await ask('POST', ACCOUNTS, body), 400, 'invalid', { field, detail })
  const realm = await ask('PATCH', '/admin/realms/acme', { algorithm: 'none' })
  isProblem(t, realm, 400, 'invalid', { field: 'algorithm', detail: /^algorithm must be one of ES256/ })
  const list = await ask('GET', `${ACCOUNTS}?limit=1001`)
  isProblem(t, list, 400, 'invalid', { field: 'limit', detail: 'limit must be 1 to 1000.' })
  for (const query of [
    'limit=1e309',
    'limit=x',
    'cursor=AA',
    'unused_since=yesterday',
    'unused_since=9999-12-31T23:59:60Z',
    'name=%00',
  ])
    isProblem(t, await ask('GET', `${ACCOUNTS}?${query}`), 400, 'invalid')
})

t.test('a refusal tells all faults of a request at once', async (t) => {
  const { ask } = await acme(t)
  const body = { colour: 'red', roles: 'view', description: 'x'.repeat(501), enabled: true }
  const answer = await ask('POST', ACCOUNTS, body)
  isProblem(t, answer, 400, 'invalid')
  const faults = answer.body.errors.map(({ detail }: { detail: string }) => detail)
  t.same(faults.sort(), [
    'colour is not a known member.',
    'description must have at most 500 characters.',
    'enabled is not a known member.',
    'name is missing.',
    'roles must be a list.',
  ])
  for (const fault of faults) t.match(answer.body.detail, fault, 'and the detail tells them too')
  t.equal((await ask('POST', ACCOUNTS, { name: 7 })).body.errors, undefined, 'one fault is told once')
  const list = await ask('GET', `${ACCOUNTS}?limit=0&q=x`)
  t.match(list.body.errors, [{ field: 'q' }, { field: 'limit', detail: 'limit must be 1 to 1000.' }])
  const rule = { trusted_issuer: 'x', rules: [{ claim: 7, equals: {} }] }
  const identity = await ask('POST', `${ACCOUNTS}/x/workload-identities`, rule)
  t.match(identity.body.errors, [
    { field: 'rules.0.claim', detail: 'rules.0.claim must be a string or a list.' },
    { field: 'rules.0.equals', detail: /must be a string or a number or true or false or a list/ },
  ])
})

t.test('a list of a million faults is one fault', async (t) => {
  const { ask } = await acme(t)
  const { client_id } = (await ask('POST', ACCOUNTS, { name: 'CI' })).body
  const answer = await ask('PUT', `${ACCOUNTS}/${client_id}/grants`, { items: Array(1_000_000).fill(0) })
  isProblem(t, answer, 400, 'invalid', { field: 'items', detail: 'items must have at most 10000 items.' })
})

t.test('the length of a name is that of its stored form', async (t) => {
  const { ask } = await acme(t)
  const accented = 'e\u0301'.repeat(100)
  t.match(await ask('POST', ACCOUNTS, { name: `  ${accented}  ` }), {
    status: 201,
    body: { name: '\u00e9'.repeat(100) },
  })
  isProblem(t, await ask('POST', ACCOUNTS, { name: `${accented}x` }), 400, 'invalid', { field: 'name' })
})

t.test('a request without a body may say any media type', async (t) => {
  const { ask, server } = await acme(t)
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
  t.equal((await ask('POST', `${ACCOUNTS}/${account.clientId}/reset-secret`, '', headers)).status, 200)
  isProblem(
    t,
    await ask('POST', ACCOUNTS, 'name=x', { ...headers, 'content-length': '6' }),
    415,
    'unsupported-media-type',
  )
})

t.test('an address of the admin API answers each method with a problem', async (t) => {
  const { server } = await acme(t)
  for (const [url, status] of [
    ['/admin', 404],
    ['/admin/nothing', 405],
    ['/admin/realms', 405],
    [`${ACCOUNTS}/x/reset-secret`, 405],
  ] as const)
    for (const method of ['QUERY', 'TRACE'] as const) {
      const answer = await server.app.inject({ method: method as 'GET', url })
      t.equal(answer.statusCode, status, `${method} ${url}`)
      t.match(answer.headers['content-type'], /^application\/problem\+json/, `${method} ${url}`)
    }
  const index = await server.app.inject('/admin')
  t.match(index.json(), { type: 'urn:mintmark:problem:not-found', detail: /\/admin\/openapi\.json/ })
})

t.test('control characters and halves of characters are refused in every text', async (t) => {
  const { ask } = await acme(t)
  const { client_id } = (await ask('POST', ACCOUNTS, { name: 'CI' })).body
  const group = { type: 'device_group', id: 'g' }
  await ask('PUT', '/admin/realms/acme/resources/device_group/g', {})
  await ask('POST', `${ACCOUNTS}/${client_id}/grants`, { role: 'view', ...group })
  const bodies: ['POST' | 'PUT' | 'PATCH', string, string, (text: string) => object][] = [
    ['POST', '/admin/realms', 'name', (text) => ({ name: text })],
    ['POST', '/admin/realms', 'display_name', (text) => ({ name: 'new', display_name: text })],
    ['PATCH', '/admin/realms/acme', 'display_name', (text) => ({ display_name: text })],
    ['PATCH', '/admin/realms/acme', 'scopes', (text) => ({ scopes: ['view', text] })],
    ['PATCH', '/admin/realms/acme', 'audiences', (text) => ({ audiences: [text] })],
    ['PATCH', '/admin/realms/acme', 'audiences', (text) => ({ audiences: [`https://api.test/${text}`] })],
    ['PATCH', '/admin/realms/acme', 'roles', (text) => ({ roles: [text] })],
    ['PATCH', '/admin/realms/acme', 'resource_types', (text) => ({ resource_types: [text] })],
    ['POST', ACCOUNTS, 'name', (text) => ({ name: text })],
    ['POST', ACCOUNTS, 'description', (text) => ({ name: 'x', description: text })],
    ['POST', ACCOUNTS, 'roles', (text) => ({ name: 'x', roles: [text] })],
    ['POST', ACCOUNTS, 'scopes', (text) => ({ name: 'x', scopes: [text] })],
    [
      'POST',
      ACCOUNTS,
      'client_id',
      (text) => ({ name: 'x', client_id: text, client_secret: 'a long secret' }),
    ],
    ['POST', ACCOUNTS, 'client_secret', (text) => ({ name: 'x', client_id: 'x', client_secret: text })],
    ['PATCH', `${ACCOUNTS}/${client_id}`, 'name', (text) => ({ name: text })],
    ['PATCH', `${ACCOUNTS}/${client_id}`, 'description', (text) => ({ description: text })],
    ['PUT', `${ACCOUNTS}/${client_id}/roles`, 'items.0', (text) => ({ items: [text] })],
    ['POST', `${ACCOUNTS}/${client_id}/grants`, 'role', (text) => ({ role: text, ...group })],
    ['POST', `${ACCOUNTS}/${client_id}/grants`, 'type', (text) => ({ role: 'view', type: text, id: 'g' })],
    ['POST', `${ACCOUNTS}/${client_id}/grants`, 'id', (text) => ({ role: 'view', ...group, id: text })],
    ['PUT', '/admin/realms/acme/resources/device/d', 'name', (text) => ({ name: text })],
    ['PUT', '/admin/realms/acme/resources/device/d', 'groups', (text) => ({ groups: [text] })],
  ]
  for (const character of ['\0', '\x1f', '\x7f', '\ud800', '\udc00x']) {
    const text = `long enough${character}and more`
    for (const [method, path, field, body] of bodies) {
      const answer = await ask(method, path, body(text))
      isProblem(t, answer, 400, 'invalid', { field })
    }
    const lines = [{ id: text }, { id: 'd', name: text }, { id: 'd', groups: [text] }, { id: 'd', [text]: 1 }]
    const ndjson = lines.map((line) => JSON.stringify({ type: 'device', ...line })).join('\n')
    const imported = await ask('POST', '/admin/realms/acme/resources', ndjson, {
      'content-type': 'application/x-ndjson',
    })
    t.equal(imported.text.split('"status":"refused"').length - 1, lines.length, imported.text)
  }
  const named = await ask('PATCH', '/admin/realms/acme', { display_name: '👩\u200d🔬'.repeat(66) })
  t.equal(named.status, 200, 'what is put together of several characters is none of them')
})

t.test('an account beyond the limit, and a taken name, are refused with the reason', async (t) => {
  const { server, ask } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { serviceAccountLimit: 1 })
  await ask('POST', ACCOUNTS, { name: 'CI' })
  isProblem(t, await ask('POST', ACCOUNTS, { name: 'Second' }), 409, 'limit-reached', {
    limit: 1,
    detail: /limit of 1 service accounts/,
  })
  await server.operations.realms.update(TESTER, 'acme', { serviceAccountLimit: 2 })
  isProblem(t, await ask('POST', ACCOUNTS, { name: ' ci' }), 409, 'name-taken', { field: 'name' })
  isProblem(t, await ask('POST', '/admin/realms', { name: 'acme' }), 409, 'name-taken', { field: 'name' })
})

t.test('a body that is too large or in another format, and another method, are refused', async (t) => {
  const { ask } = await acme(t)
  isProblem(t, await ask('PATCH', `${ACCOUNTS}/ci`, { name: 'x'.repeat(65_536) }), 413, 'too-large')
  // It may bring its grants.
  isProblem(t, await ask('POST', ACCOUNTS, { name: 'x'.repeat(2 ** 22) }), 413, 'too-large')
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  isProblem(t, await ask('POST', ACCOUNTS, 'name=x', form), 415, 'unsupported-media-type')
  const put = await ask('PUT', ACCOUNTS, {})
  isProblem(t, put, 405, 'method-not-allowed')
  t.equal(put.headers['allow'], 'GET, HEAD, POST, OPTIONS')
  for (const path of ['/admin/nothing', '/admin/realms/ACME', `${ACCOUNTS}/%00`, `${ACCOUNTS}/nobody`])
    isProblem(t, await ask('GET', path), 404, 'not-found')
})

t.test('deleting a realm requires its name as confirmation', async (t) => {
  const { ask } = await acme(t)
  isProblem(t, await ask('DELETE', '/admin/realms/acme'), 400, 'invalid', { field: 'confirm' })
  isProblem(t, await ask('DELETE', '/admin/realms/acme?confirm=other'), 400, 'invalid')
  t.equal((await ask('DELETE', '/admin/realms/acme?confirm=acme')).status, 204)
  isProblem(t, await ask('GET', '/admin/realms/acme'), 404, 'not-found')
  isProblem(t, await ask('DELETE', '/admin/realms/system?confirm=system'), 400, 'invalid')
})

t.test('a change based on an old version is refused', async (t) => {
  const { ask } = await acme(t)
  const change = (ifMatch: string | undefined) =>
    ask(
      'PATCH',
      '/admin/realms/acme',
      { display_name: 'A' },
      ifMatch === undefined ? {} : { 'if-match': ifMatch },
    )
  const { etag } = (await ask('GET', '/admin/realms/acme')).headers as { etag: string }
  t.equal((await change(etag)).status, 200)
  for (const stale of [etag, `W/${etag}`, '"of-another-kind"', '"99"'])
    isProblem(t, await change(stale), 412, 'changed-meanwhile')
  isProblem(t, await change('unquoted'), 400, 'invalid', { field: 'If-Match' })
  t.equal((await change('*')).status, 200)
  t.equal((await change(undefined)).status, 200)
})

t.test('two administrators edit one account: one of them is told that it has changed', async (t) => {
  const { ask } = await acme(t)
  const { body, headers } = await ask('POST', ACCOUNTS, { name: 'CI' })
  const edit = (name: string) =>
    ask('PATCH', `${ACCOUNTS}/${body.client_id}`, { name }, { 'if-match': String(headers['etag']) })
  const answers = await Promise.all(['A', 'B'].map(edit))
  t.same(answers.map(({ status }) => status).sort(), [200, 412])
})

t.test('of 100 creations that race for 25 places exactly 25 succeed', async (t) => {
  const { ask } = await acme(t)
  // On a busy machine one that waited too long for the others is told to try again.
  const create = async (name: string): Promise<AdminAnswer> => {
    const answer = await ask('POST', ACCOUNTS, { name })
    return answer.status === 503 ? create(name) : answer
  }
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => create(`a ${n}`)))
  t.equal(answers.filter(({ status }) => status === 201).length, 25)
  for (const answer of answers.filter(({ status }) => status !== 201))
    isProblem(t, answer, 409, 'limit-reached', { limit: 25 })
  t.equal((await ask('GET', ACCOUNTS)).body.items.length, 25)
})

t.test('an administrator cannot give roles beyond its authority', async (t) => {
  const { server } = await acme(t)
  const ask = asking(server, (await adminToken(server, 'system', ['account-admin'])).token)
  const accounts = '/admin/realms/system/service-accounts'
  isProblem(t, await ask('POST', accounts, { name: 'x', roles: ['platform-admin'] }), 403, 'forbidden')
  isProblem(t, await ask('POST', `${accounts}/root/reset-secret`), 403, 'forbidden')
  isProblem(t, await ask('PATCH', `${accounts}/root`, { enabled: false }), 403, 'forbidden')
  isProblem(t, await ask('PATCH', '/admin/realms/system', { service_account_limit: 99 }), 403, 'forbidden')
})

t.test('two platform administrators who delete each other at once leave one', async (t) => {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const [a, b] = [
    await adminToken(server, 'system', ['platform-admin']),
    await adminToken(server, 'system', ['platform-admin']),
  ]
  await server.operations.accounts.delete(TESTER, 'system', 'root')
  const remove = (ask: Ask, clientId: string) =>
    ask('DELETE', `/admin/realms/system/service-accounts/${clientId}`)
  const answers = await Promise.all([
    remove(asking(server, a.token), b.clientId),
    remove(asking(server, b.token), a.clientId),
  ])
  // The second one was no longer an administrator.
  t.same(answers.map(({ status }) => status).sort(), [204, 401])
  const refused = answers.find(({ status }) => status === 401) as AdminAnswer
  isProblem(t, refused, 401, 'invalid-token')
})

t.test('a rate-limited caller is told how long to wait', async (t) => {
  const server = await testServer(t, { rateLimits: { perAdministrator: 2, perAddress: 5 } })
  await server.operations.realms.create(TESTER, 'acme')
  const ask = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const other = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  const first = await ask('GET', '/admin/realms/acme')
  t.match(first.headers, { 'ratelimit-limit': '2', 'ratelimit-remaining': '1', 'ratelimit-reset': /^\d+$/ })
  t.equal((await ask('GET', '/admin/realms/acme')).status, 200)
  const third = await ask('GET', '/admin/realms/acme')
  isProblem(t, third, 429, 'too-many-requests', { limit: 2 })
  t.match(third.headers['retry-after'], /^\d+$/)
  t.equal((await other('GET', '/admin/realms/acme')).status, 200, 'another administrator')
  await asking(server, undefined)('GET', '/admin/realms/acme')
  isProblem(t, await other('GET', '/admin/realms/acme'), 429, 'too-many-requests', { limit: 5 })
})
