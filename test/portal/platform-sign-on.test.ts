import t from 'tap'
import { CLIENT_ID, CLIENT_SECRET, identityProvider } from '../support/identity-provider.ts'
import { Browser, textOf } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const REALMS = '/portal/system/realms'

async function withProvider(t: Parameters<typeof testServer>[0], platformValue?: string) {
  const provider = await identityProvider(t, { redirectUri: `${PUBLIC_URL}/portal/_callback` })
  const server = await testServer(t, {
    singleSignOn: {
      issuer: provider.issuer,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      scope: 'openid profile email offline_access',
      accessClaim: 'roles',
      adminValue: '{realm}-admin',
      viewerValue: undefined,
      platformValue,
    },
  })
  await server.operations.bootstrap.openPlatform()
  await server.operations.realms.create(TESTER, 'acme')
  const signIn = async (browser: Browser, realm: string) => {
    const away = await browser.get(`/portal/${realm}/sign-in/sso`)
    const back = await provider.signIn(away.headers.location as string)
    return browser.get(back.slice(PUBLIC_URL.length))
  }
  return { provider, server, browser: new Browser(server), signIn }
}

t.test('a value of the provider makes a platform administrator in realm system alone', async (t) => {
  const { provider, server, browser, signIn } = await withProvider(t, 'mintmark-root')
  provider.claims = { name: 'Alice', roles: ['mintmark-root'] }
  t.equal((await signIn(browser, 'acme')).statusCode, 403, 'it is no value of realm acme')
  t.equal((await signIn(browser, 'system')).statusCode, 303)
  t.match(textOf(await browser.get(REALMS)), 'acme')
  await browser.submit(REALMS, `${REALMS}/acme/enter`)
  t.equal((await browser.get('/portal/acme/keys')).statusCode, 200)
  const { items } = await server.operations.audit.list(TESTER, 'acme', { action: 'portal.sign-in', limit: 2 })
  t.match(items, [
    { outcome: 'done', actor: { id: 'platform administrator alice' }, details: { actor_name: 'Alice' } },
    { outcome: 'refused' },
  ])
})

t.test('the administrators of realm system are no platform administrators by that', async (t) => {
  for (const platformValue of [undefined, 'mintmark-root']) {
    const { provider, browser, signIn } = await withProvider(t, platformValue)
    provider.claims = { name: 'Alice', roles: ['system-admin', 'platform-admin'] }
    t.equal((await signIn(browser, 'system')).statusCode, 303)
    t.equal((await browser.get('/portal/system/service-accounts')).statusCode, 200)
    t.equal((await browser.get(REALMS)).statusCode, 403)
  }
})

t.test('somebody who is demoted at the provider is out of every realm by the next click', async (t) => {
  const { provider, server, browser, signIn } = await withProvider(t, 'mintmark-root')
  provider.claims = { name: 'Alice', roles: ['mintmark-root', 'system-admin'] }
  await signIn(browser, 'system')
  await browser.submit(REALMS, `${REALMS}/acme/enter`)
  provider.claims = { name: 'Alice', roles: ['system-admin'] }
  t.equal((await browser.get('/portal/acme/keys')).statusCode, 303)
  t.equal((await browser.get(REALMS)).statusCode, 403)
  t.equal((await browser.get('/portal/system/keys')).statusCode, 200, 'what is left is left')
  const { items } = await server.operations.audit.list(TESTER, 'acme', {
    action: 'portal.session-end',
    limit: 2,
  })
  t.match(items, [{ actor: { id: 'platform administrator alice' } }])
  provider.claims = { name: 'Alice', roles: ['mintmark-root', 'system-admin'] }
  t.equal((await browser.get('/portal/acme/keys')).statusCode, 303, 'what has ended stays ended')
})

t.test(
  'a subject of the provider that looks like one who was let in otherwise is kept as a hash',
  async (t) => {
    const { provider, server, browser, signIn } = await withProvider(t, 'mintmark-root')
    provider.claims = { name: 'Eve', roles: ['acme-admin'] }
    provider.login = 'platform administrator alice'
    t.equal((await signIn(browser, 'acme')).statusCode, 303)
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      action: 'portal.sign-in',
      limit: 1,
    })
    t.match(items[0]?.actor.id, /^[\w-]{43}$/)
  },
)
