import t, { type Test } from 'tap'
import { everyPage, furnish } from '../support/every-page.ts'
import { type Control, controlsOf, formsOf } from '../support/form-controls.ts'
import { adminOf, type Browser, enterAsPlatformAdmin, hiddenFields, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const MARK = 'typed é <b> "quoted" 7f3a'
const SECRET = 'do-not-keep-me'
const PRIVATE_KEY = '{"kty":"EC","crv":"P-256","x":"eA","y":"eQ","d":"do-not-keep-me"}'

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  return server
}

async function everyForm(server: TestServer, browser: Browser) {
  const pages = await everyPage(server, await furnish(server))
  const found = new Map<string, { readonly page: string; readonly action: string }>()
  for (const page of [...pages, '/portal/acme/trusted-issuers/add?preset=kubernetes']) {
    const { statusCode, body } = await browser.get(page)
    if (statusCode !== 200) continue
    for (const action of formsOf(body))
      if (!/sign-in$/.test(action) && controlsOf(body, action).some(isFilledIn))
        found.set(action, { page, action })
  }
  return [...found.values()]
}

const isFilledIn = ({ kind }: Control) => kind !== 'hidden' && kind !== 'file'
const isSecret = ({ kind, name }: Control) => kind === 'password' || /(token|secret)$/.test(name)

/** Another choice than the present one, and other texts. */
function filledIn(controls: readonly Control[]): [name: string, value: string][] {
  const radios = new Map<string, string>()
  const sent: [string, string][] = []
  for (const control of controls) {
    const { kind, name, value, options, isChosen } = control
    if (isSecret(control)) sent.push([name, SECRET])
    else if (kind === 'checkbox') sent.push(...(isChosen ? [] : [[name, value] as [string, string]]))
    else if (kind === 'radio') radios.set(name, value)
    else if (kind === 'select') sent.push([name, options.at(-1) as string])
    else if (isFilledIn(control)) sent.push([name, kind === 'textarea' ? `${MARK}\n2` : MARK])
  }
  return [...sent, ...radios]
}

/** What a browser would send of a form as it is. */
function shownIn(controls: readonly Control[]): [name: string, value: string][] {
  return controls
    .filter((one) => isFilledIn(one) && (one.isChosen || !['checkbox', 'radio'].includes(one.kind)))
    .map(({ name, value }) => [name, value])
}

const sorted = (pairs: readonly [string, string][]) => pairs.map((pair) => pair.join(' = ')).sort()

t.test('a refused form comes back with each text, tick and choice, and without a secret', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  const forms = await everyForm(server, browser)
  t.ok(forms.length >= 25, `${forms.length} forms`)
  for (const { page, action } of forms) {
    const before = (await browser.get(page)).body
    const typed = filledIn(controlsOf(before, action).filter(isFilledIn))
    const hidden = { ...hiddenFields(before, action), form_token: 'of another session' }
    const answer = await browser.post(action, new URLSearchParams([...Object.entries(hidden), ...typed]))
    t.equal(answer.statusCode, 403, action)
    t.notMatch(answer.body, SECRET, action)
    const kept = typed.map(([name, value]): [string, string] => [name, value === SECRET ? '' : value])
    t.same(sorted(shownIn(controlsOf(answer.body, action))), sorted(kept), action)
    const now = hiddenFields(answer.body, action)
    t.equal(now['version'], hiddenFields(before, action)['version'], 'the version that it was filled from')
    t.not(now['form_token'], 'of another session')
  }
})

t.test('a pasted private key is never shown again', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  for (const { page, action } of await everyForm(server, browser)) {
    const { body } = await browser.get(page)
    const areas = controlsOf(body, action).filter(({ name }) => /^(public_key|jwks)$/.test(name))
    if (areas.length === 0) continue
    const typed = Object.fromEntries(areas.map(({ name }) => [name, PRIVATE_KEY]))
    for (const token of [{}, { form_token: 'of another session' }])
      t.notMatch(
        (await browser.post(action, { ...hiddenFields(body, action), ...typed, ...token })).body,
        SECRET,
      )
  }
})

t.test('a form that was refused for a fault still notices a change by somebody else', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const here = `/portal/acme/service-accounts/${account.clientId}`
  const mine = hiddenFields((await browser.get(here)).body, here)
  await server.operations.accounts.update(TESTER, 'acme', account.clientId, { description: 'theirs' })
  const faulty = await browser.post(here, { ...mine, name: 'CI', description: 'mine', tags: 'no tag!' })
  t.equal(faulty.statusCode, 400)
  const mended = { ...hiddenFields(faulty.body, here), name: 'CI', description: 'mine', tags: '' }
  const conflict = await browser.post(here, mended)
  t.equal(conflict.statusCode, 409)
  t.match(textOf(conflict), /Description theirs mine/)
})

/** A form, what is wrong with it, and the control that says so. */
type Fault = readonly [path: string, action: string, typed: Record<string, string>, control: string]

const FAULTS: readonly Fault[] = [
  ['service-accounts/create', '', { name: 'x'.repeat(101) }, 'name'],
  [
    'service-accounts/create',
    '',
    { name: 'a', auth_method: 'private_key_jwt', public_key: 'none' },
    'public_key',
  ],
  [
    'service-accounts/create',
    '',
    { name: 'a', grant_role: 'view', grant_type: 'device', ids: 'unknown-1' },
    'ids',
  ],
  ['service-accounts/create', '', { name: 'a', role: 'nonsense' }, 'role'],
  ['service-accounts/create', '', { name: 'a', tags: 'x'.repeat(300) }, 'tags'],
  ['service-accounts/ID', '', { name: '' }, 'name'],
  ['service-accounts/ID/limits', '', { allowed_networks: 'nowhere' }, 'allowed_networks'],
  ['service-accounts/ID/limits', '', { expires_at: '2027-02-31T00:00' }, 'expires_at'],
  ['service-accounts/ID/limits', '', { max_secret_age_days: 'old' }, 'max_secret_age_days'],
  [
    'service-accounts/ID/limits',
    '',
    { 'quota.mode': 'enforce', 'quota.tokens_per_hour': '0' },
    'quota.tokens_per_hour',
  ],
  ['service-accounts/ID/auth-methods', '', {}, 'auth_method'],
  ['service-accounts/ID/claims', '', { claims: 'no value' }, 'claims'],
  ['service-accounts/ID/claims', '', { metadata: 'no value' }, 'metadata'],
  ['service-accounts/ID/permissions', '/roles', { role: 'nonsense' }, 'role'],
  [
    'service-accounts/ID/permissions/grants/paste',
    '',
    { grant_role: 'view', grant_type: 'device', ids: 'unknown-1' },
    'ids',
  ],
  ['service-accounts/ID/keys/add', '', { public_key: 'none' }, 'public_key'],
  ['service-accounts/ID/published-keys', '', { jwks_uri: 'ftp://x' }, 'jwks_uri'],
  [
    'trusted-issuers/add?preset=other',
    '',
    { issuer: 'none', source: 'discovery', max_lifetime_seconds: '300' },
    'issuer',
  ],
  [
    'trusted-issuers/add?preset=other',
    '',
    { issuer: 'https://a.example', source: 'jwks', jwks: '[]', max_lifetime_seconds: '300' },
    'jwks',
  ],
  [
    'trusted-issuers/add?preset=other',
    '',
    { issuer: 'https://a.example', source: 'jwks_uri', jwks_uri: '', max_lifetime_seconds: '300' },
    'jwks_uri',
  ],
  [
    'trusted-issuers/add?preset=other',
    '',
    { issuer: 'https://a.example', source: 'discovery', max_lifetime_seconds: '1' },
    'max_lifetime_seconds',
  ],
  ['trusted-issuers/explain', '', { token: '', client_id: 'x' }, 'token'],
  ['devices/add', '', { type: 'device', id: 'not an id', name: 'x' }, 'id'],
  ['devices/add', '', { type: 'device', id: 'd9', groups: 'nowhere' }, 'groups'],
  ['devices/import', '', { lines: '' }, 'lines'],
  ['settings', '', { token_lifetime_seconds: '5' }, 'token_lifetime_seconds'],
  ['settings', '', { token_lifetime_seconds: '300', scopes: 'a"b' }, 'scopes'],
  ['claims', '', { claims: 'no value' }, 'claims'],
  ['webhooks/add', '', { url: 'http://plain.example', events: 'secret.leaked' }, 'url'],
  [
    'webhooks/add',
    '',
    { url: 'https://a.example', description: 'x'.repeat(201), events: 'secret.leaked' },
    'description',
  ],
  ['webhooks/add', '', { url: 'https://a.example' }, 'events'],
  ['people', '/link', { person: '', access: 'view' }, 'person'],
]

t.test('what is wrong stands above the form and at its control', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  for (const [path, more, typed, control] of FAULTS) {
    const page = `/portal/acme/${path.replace('ID', account.clientId)}`
    const action = `${page.replace(/\?.*/, '')}${more}`
    const answer = await browser.submit(page, action, typed)
    const what = `${path} ${JSON.stringify(typed).slice(0, 90)}`
    t.ok([400, 404, 409].includes(answer.statusCode), `${what}: ${answer.statusCode}`)
    const [, fault] = new RegExp(`id="${control}-fault">[\\s\\S]*?</svg>([^<]+)`).exec(answer.body) ?? []
    t.ok(fault, `${what} at ${control}: ${textOf(answer).slice(0, 200)}`)
    const [, summary = ''] =
      /<div class="notice danger" role="alert">([\s\S]*?)<\/div>/.exec(answer.body) ?? []
    t.ok(summary.includes(fault ?? '-'), `${what} above the form`)
    t.match(answer.body, new RegExp(`aria-describedby="[^"]*${control}-fault`), `${what} is described`)
  }
})

t.test('what is wrong with a new realm stands at its control', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  await enterAsPlatformAdmin(server, browser)
  const page = '/portal/system/new-realm'
  for (const [typed, control] of [
    [{ name: 'No Name!' }, 'name'],
    [{ name: 'b', service_account_limit: 'many' }, 'service_account_limit'],
    [{ name: 'b', token_lifetime_seconds: '1' }, 'token_lifetime_seconds'],
    [{ name: 'b', allowed_auth_methods: 'nonsense' }, 'allowed_auth_methods'],
  ] as const) {
    const answer = await browser.submit(page, page, typed)
    t.equal(answer.statusCode, 400, control)
    t.match(answer.body, `id="${control}-fault"`, `${control}: ${textOf(answer).slice(0, 200)}`)
  }
})
