import t, { type Test } from 'tap'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const SETTINGS = '/portal/acme/settings'

const SENT = {
  display_name: 'Acme',
  token_lifetime_seconds: '600',
  audiences: 'https://one.example\r\nhttps://two.example',
  scopes: 'read write',
  roles: 'deployer',
}

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  return { server, browser: await adminOf(server, 'acme') }
}

t.test('the settings of a realm are read, and each address works as it is copied', async (t) => {
  const { server, browser } = await acme(t)
  const page = await browser.get(SETTINGS)
  t.match(textOf(page), /deployer A role of this realm\./)
  t.match(textOf(page), /Service accounts 0 of 25/)
  for (const id of [
    'token-url',
    'metadata-url',
    'jwks-url',
    'introspection-url',
    'revocation-url',
    'admin-url',
  ]) {
    const [, address = ''] = new RegExp(`<code id="${id}">([^<]+)<`).exec(page.body) ?? []
    t.ok(address.startsWith(PUBLIC_URL), address)
    const answer = await server.app.inject({ url: address.slice(PUBLIC_URL.length) })
    t.not(answer.statusCode, 404, address)
  }
  const { issuer } = await server.operations.publishedRealms.find('acme')
  t.match(page.body, `<code id="issuer">${issuer}<`)
})

t.test('an Account Admin changes what the operator allows, and is told what not', async (t) => {
  const { server, browser } = await acme(t)
  const { operations } = server
  const saved = await browser.submit(SETTINGS, SETTINGS, SENT)
  t.equal(saved.headers.location, `${SETTINGS}?done=saved`)
  t.match(await operations.realms.find(TESTER, 'acme'), {
    displayName: 'Acme',
    tokenLifetimeSeconds: 600,
    audiences: ['https://one.example', 'https://two.example'],
    scopes: ['read', 'write'],
    roles: ['deployer'],
  })
  for (const [field, value, status] of [
    ['token_lifetime_seconds', '5', 400],
    ['token_lifetime_seconds', 'ten', 400],
    ['token_lifetime_seconds', '1e3', 400],
    ['token_lifetime_seconds', '', 400],
    ['scopes', 'a"b', 400],
    ['roles', 'view', 400],
    ['audiences', 'x'.repeat(3000), 400],
  ] as const) {
    const answer = await browser.submit(SETTINGS, SETTINGS, { ...SENT, [field]: value })
    t.equal(answer.statusCode, status, `${field} ${value}`)
    t.match(answer.body, /aria-invalid="true"|role="alert"/)
  }
  await operations.policy.update(TESTER, { maxTokenLifetimeSeconds: 600 })
  const beyond = await browser.submit(SETTINGS, SETTINGS, { ...SENT, token_lifetime_seconds: '900' })
  t.equal(beyond.statusCode, 400)
  t.match(textOf(beyond), 'by the policy of this platform')
  await operations.accounts.create(TESTER, 'acme', { name: 'CI', roles: ['deployer'] })
  t.equal((await browser.submit(SETTINGS, SETTINGS, { ...SENT, roles: '' })).statusCode, 409)
  t.match(await operations.realms.find(TESTER, 'acme'), { tokenLifetimeSeconds: 600, roles: ['deployer'] })
})

t.test(
  'a change that somebody else made meanwhile is not overwritten, and what was typed stays',
  async (t) => {
    const { server, browser } = await acme(t)
    const { body } = await browser.get(SETTINGS)
    await server.operations.realms.update(TESTER, 'acme', { tokenLifetimeSeconds: 120 })
    const [, version = ''] = /name="version" value="([^"]+)"/.exec(body) ?? []
    const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
    const form_page = SETTINGS.slice(1)
    const late = await browser.post(SETTINGS, { ...SENT, version, form_token, form_page })
    t.equal(late.statusCode, 409)
    t.match(late.body, 'value="600"')
    t.match(textOf(late), 'Save mine anyway')
    t.match(await server.operations.realms.find(TESTER, 'acme'), { tokenLifetimeSeconds: 120 })
  },
)

t.test('a viewer reads the settings and changes none', async (t) => {
  const { server } = await acme(t)
  const viewer = await viewerOf(server, 'acme')
  const page = await viewer.get(SETTINGS)
  t.equal(page.statusCode, 200)
  t.notMatch(page.body, `action="${SETTINGS}"`)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(page.body) ?? []
  t.equal((await viewer.post(SETTINGS, { ...SENT, version: '1', form_token })).statusCode, 403)
})
