import t from 'tap'
import { PRESET_NAMES } from '../../src/domain/federation-presets.ts'
import { bound, testPlatform, trust } from '../support/platform.ts'
import { adminOf, type Browser, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/trusted-issuers'
const ADD = `${LIST}/add`

async function place(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', {})
  const platform = testPlatform(server)
  const browser = await adminOf(server, 'acme')
  const listed = () => server.operations.trustedIssuers.list(TESTER, 'acme')
  return { server, platform, browser, listed }
}

const add = (browser: Browser, fields: Record<string, string>) =>
  browser.submit(`${ADD}?preset=${fields['preset']}`, ADD, {
    issuer: '',
    source: 'discovery',
    max_lifetime_seconds: '3600',
    ...fields,
  })

t.test('each platform is offered, with its settings filled in and its claims explained', async (t) => {
  const { browser } = await place(t)
  t.match(textOf(await browser.get(LIST)), 'No issuer is trusted yet')
  const choice = await browser.get(ADD)
  for (const name of [...PRESET_NAMES, 'other']) {
    t.match(choice.body, `href="?preset=${name}"`)
    const page = await browser.get(`${ADD}?preset=${name}`)
    t.equal(page.statusCode, 200)
    t.match(page.body, 'name="issuer"')
  }
  t.match(textOf(await browser.get(`${ADD}?preset=jenkins`)), 'Which platform')
  const github = await browser.get(`${ADD}?preset=github`)
  t.match(github.body, 'value="https://token.actions.githubusercontent.com"')
  t.match(github.body, 'repository_id\nrepository_owner_id</textarea>')
  t.match(textOf(github), /Names can be reused.*repository_owner_id Id of the organization or user/)
  const azure = await browser.get(`${ADD}?preset=azure`)
  t.match(azure.body, 'name="max_lifetime_seconds" type="text" value="86400"')
  t.match(
    (await browser.get(`${ADD}?preset=kubernetes`)).body,
    '[&#34;kubernetes.io&#34;, &#34;namespace&#34;]',
  )
})

t.test('an issuer is trusted by its form, listed and shown', async (t) => {
  const { browser, listed } = await place(t)
  const added = await add(browser, {
    preset: 'github',
    issuer: ' https://token.actions.githubusercontent.com ',
    name: 'Actions',
    audiences: 'https://a.example\r\n\r\n https://b.example \r\n',
    max_lifetime_seconds: '600',
    single_use: 'yes',
    required_claims: 'repository_id\r\n["a","b"]',
  })
  t.equal(added.statusCode, 303, textOf(added))
  const [issuer] = await listed()
  t.match(issuer, {
    issuer: 'https://token.actions.githubusercontent.com',
    name: 'Actions',
    preset: 'github',
    keys: { kind: 'discovery' },
    audiences: ['https://a.example', 'https://b.example'],
    maxLifetimeSeconds: 600,
    singleUse: true,
    requiredClaims: [['repository_id'], ['a', 'b']],
  })
  t.equal(added.headers.location, `${LIST}/${issuer?.id}?done=added`)
  const page = textOf(await browser.get(added.headers.location as string))
  t.match(
    page,
    /The issuer is trusted.*GitHub Actions.*Enabled.*https:\/\/a\.example.*10 minutes.*once, by its jti/,
  )
  t.match(
    textOf(await browser.get(LIST)),
    /Actions https:\/\/token.*GitHub Actions.*discovery document.*Enabled/,
  )
})

t.test('keys come from where the form says, and what belongs to another source is not read', async (t) => {
  const { browser, platform, listed } = await place(t)
  const filled = {
    jwks: JSON.stringify(platform.jwks),
    jwks_uri: 'https://keys.example/jwks',
    url: 'https://bundle.example/',
  }
  for (const [source, wanted] of [
    ['discovery', { kind: 'discovery', address: 'https://discovery.example' }],
    ['jwks_uri', { kind: 'jwks_uri', address: filled.jwks_uri }],
    ['jwks', { kind: 'jwks', keys: platform.jwks.keys }],
  ] as const) {
    const issuer = `https://${source.replace('_', '-')}.example`
    const added = await add(browser, { preset: 'other', issuer, source, ...filled })
    t.equal(added.statusCode, 303, textOf(added))
    t.match((await listed()).find((one) => one.issuer === issuer)?.keys, wanted)
  }
  const spiffe = { preset: 'spiffe', issuer: 'spiffe://td.example', source: 'spiffe_bundle', ...filled }
  t.equal((await add(browser, spiffe)).statusCode, 303)
  const other = { ...platform.jwks.keys[0], kid: 'other', use: 'enc' }
  const jwks = JSON.stringify({ keys: [other, ...platform.jwks.keys] })
  const noted = await add(browser, { preset: 'other', issuer: 'https://n.example', source: 'jwks', jwks })
  t.match(textOf(noted), 'keys.jwks.keys.0 is left out: its use is not sig.')
})

t.test('a form with a fault comes back with what was typed, but never a private key', async (t) => {
  const { browser, platform, listed } = await place(t)
  const secret = platform.pair.privateKey.export({ format: 'jwk' })
  const pem = platform.pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const good = { preset: 'other', issuer: 'https://p.example', name: 'typed' }
  const rows: [fields: Record<string, string>, message: RegExp][] = [
    [{ issuer: 'http://p.example' }, /issuer must be the iss/],
    [{ issuer: '' }, /issuer must be/],
    [{ source: '' }, /keys.source must be one of/],
    [{ source: 'jwks_uri', jwks_uri: 'ftp://x' }, /keys.jwks_uri: The address must be an https URL/],
    [{ source: 'spiffe_bundle', url: '' }, /Say at which address the keys are/],
    [{ source: 'jwks', jwks: '' }, /Paste the JWKS of the issuer/],
    [{ source: 'jwks', jwks: '{' }, /not JSON/],
    [{ source: 'jwks', jwks: JSON.stringify({ keys: [secret] }) }, /This is a private key/],
    [{ source: 'jwks', jwks: pem }, /This is a private key/],
    [{ max_lifetime_seconds: 'an hour' }, /max_lifetime_seconds must be/],
    [{ max_lifetime_seconds: '' }, /max_lifetime_seconds must be/],
    [{ audiences: 'a\na' }, /audiences must be/],
    [{ required_claims: '["a"' }, /A claim is its name/],
    [{ preset: 'jenkins' }, /preset must be one of/],
  ]
  for (const [fields, message] of rows) {
    const answer = await add(browser, { ...good, ...fields, preset: 'other' })
    const real = fields['preset']
      ? await browser.submit(`${ADD}?preset=other`, ADD, { ...good, ...fields })
      : answer
    t.equal(real.statusCode, 400, textOf(real))
    t.match(textOf(real), message)
    t.match(real.body, 'value="typed"')
    for (const text of [String(secret.d), pem.split('\n')[1] as string]) t.notMatch(real.body, text)
  }
  t.same(
    (await listed()).filter(({ name }) => name !== 'typed'),
    [],
  )
})

t.test(
  'settings of an issuer are changed by its page, unless somebody else changed them meanwhile',
  async (t) => {
    const { server, browser, platform, listed } = await place(t)
    const here = `${LIST}/${await trust(server, platform)}`
    const settings = { name: 'Farm', audiences: 'https://x.example', max_lifetime_seconds: '900' }
    const stale = (await browser.get(here)).body
    const saved = await browser.submit(here, here, settings)
    t.equal(saved.headers.location, `${here}?done=saved`)
    t.match(await listed(), [{ name: 'Farm', audiences: ['https://x.example'], maxLifetimeSeconds: 900 }])
    t.equal((await browser.submit(here, here, { ...settings, audiences: '' })).statusCode, 303)
    t.equal((await listed())[0]?.audiences, undefined)
    const bad = await browser.submit(here, here, { ...settings, max_lifetime_seconds: '1' })
    t.equal(bad.statusCode, 400)
    t.match(textOf(bad), 'max_lifetime_seconds must be')
    const token = /name="form_token" value="([^"]+)"/.exec(stale)?.[1] as string
    const late = await browser.post(here, { form_token: token, version: '1', ...settings })
    t.equal(late.statusCode, 409)
    t.match(textOf(late), 'Changed meanwhile')
  },
)

t.test('disabling, replacing keys and deleting say first how many accounts lose their tokens', async (t) => {
  const { server, browser, platform, listed } = await place(t)
  const id = await trust(server, platform)
  const here = `${LIST}/${id}`
  t.match(textOf(await browser.get(`${here}/delete`)), 'No service account is bound to it')
  await bound(server, id)
  t.match(
    textOf(await browser.get(`${here}/disable`)),
    '1 service account is bound to it: all tokens that it has',
  )
  const { clientId } = await bound(server, id)
  const rules = [{ claim: 'sub', equals: 'second' }]
  await server.operations.workloadIdentities.create(TESTER, 'acme', clientId, { trustedIssuer: id, rules })
  for (const page of ['disable', 'delete'])
    t.match(textOf(await browser.get(`${here}/${page}`)), '2 service accounts are bound to it')
  t.match(textOf(await browser.get(`${here}/keys`)), '2 service accounts are bound to it. If a key goes')
  const disabled = await browser.submit(`${here}/disable`, `${here}/disable`)
  t.equal(disabled.headers.location, `${here}?done=disabled`)
  t.match(textOf(await browser.get(here)), 'State Disabled')
  t.equal((await browser.submit(here, `${here}/enable`)).headers.location, `${here}?done=enabled`)
  const { jwks } = testPlatform(server)
  const keys = { source: 'jwks', jwks: JSON.stringify(jwks) }
  t.equal((await browser.submit(`${here}/keys`, `${here}/keys`, keys)).headers.location, `${here}?done=keys`)
  t.match(textOf(await browser.get(here)), jwks.keys[0]?.['kid'] as string)
  t.match(
    textOf(await browser.submit(`${here}/keys`, `${here}/keys`, { source: 'jwks', jwks: 'x' })),
    'not JSON',
  )
  const deleted = await browser.submit(`${here}/delete`, `${here}/delete`)
  t.equal(deleted.headers.location, `${LIST}?done=deleted`)
  t.same(await listed(), [])
  t.equal((await browser.get(here)).statusCode, 404)
})

t.test('viewers see the issuers, and change none', async (t) => {
  const { server, platform, listed } = await place(t)
  const here = `${LIST}/${await trust(server, platform, { name: 'Farm' })}`
  const viewer = await viewerOf(server, 'acme')
  for (const page of [LIST, here]) {
    const { statusCode, body } = await viewer.get(page)
    t.equal(statusCode, 200)
    t.match(body, 'Farm')
    for (const action of ['/add"', '/delete"', '/disable"', `${here}/keys"`, 'Save']) t.notMatch(body, action)
  }
  const form_token = /name="form_token" value="([^"]+)"/.exec((await viewer.get(LIST)).body)?.[1] as string
  for (const [page, isQuestion] of [
    [ADD, true],
    [here, false],
    [`${here}/disable`, true],
    [`${here}/delete`, true],
    [`${here}/keys`, true],
  ] as const) {
    if (isQuestion) t.equal((await viewer.get(page)).statusCode, 403, page)
    const fields = {
      form_token,
      version: '1',
      source: 'discovery',
      issuer: 'https://x.example',
      preset: 'other',
      max_lifetime_seconds: '60',
    }
    t.equal((await viewer.post(page, fields)).statusCode, 403, page)
  }
  t.match(await listed(), [{ name: 'Farm', enabled: true }])
})
