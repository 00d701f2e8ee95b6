import t, { type Test } from 'tap'
import { MAX_REALMS } from '../../src/domain/portal-session.ts'
import { CLIENT_ID, CLIENT_SECRET, identityProvider } from '../support/identity-provider.ts'
import { Browser, hiddenFields, textOf } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

const listOf = (realm: string) => `/portal/${realm}/service-accounts`

async function withRealms(t: Test, ...names: string[]) {
  const server = await testServer(t)
  for (const name of names) await server.operations.realms.create(TESTER, name)
  return { server, browser: new Browser(server) }
}

async function signIn(server: TestServer, browser: Browser, realm: string, access?: 'view') {
  const { url } = await server.operations.portal.createLink(TESTER, realm, { access })
  return browser.post(`/portal/${realm}/sign-in`, { code: url.split('#')[1] as string })
}

const statusOf = async (browser: Browser, realm: string) => (await browser.get(listOf(realm))).statusCode

t.test('a sign-in to a second realm leaves the first, and each page leads to the other', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta', 'gamma')
  await signIn(server, browser, 'acme')
  t.notMatch((await browser.get(listOf('acme'))).body, 'Sign out of all')
  await signIn(server, browser, 'beta')
  for (const [here, there] of [
    ['acme', 'beta'],
    ['beta', 'acme'],
  ] as const) {
    const { body, statusCode } = await browser.get(listOf(here))
    t.equal(statusCode, 200)
    t.match(body, `<a href="${listOf(there)}">${there}</a>`)
    t.match(body, 'Sign out of all 2 realms')
    t.notMatch(body, 'gamma', 'a realm without a session is not told of')
  }
  t.equal(await statusOf(browser, 'gamma'), 303)
})

t.test('each realm keeps the access of its own session', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta')
  await signIn(server, browser, 'acme')
  await signIn(server, browser, 'beta', 'view')
  t.equal((await browser.get(`${listOf('acme')}/create`)).statusCode, 200)
  t.equal((await browser.get(`${listOf('beta')}/create`)).statusCode, 403)
  t.match((await browser.get(listOf('beta'))).body, 'Viewer, read only')
})

t.test('a form of one realm is refused in another', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta')
  for (const realm of ['acme', 'beta']) await signIn(server, browser, realm)
  const ofAcme = hiddenFields(
    (await browser.get(`${listOf('acme')}/create`)).body,
    `${listOf('acme')}/create`,
  )
  const answer = await browser.post(`${listOf('beta')}/create`, { ...ofAcme, name: 'CI' })
  t.equal(answer.statusCode, 403)
  t.equal((await server.operations.realms.find(TESTER, 'beta')).serviceAccountCount, 0)
  t.equal((await browser.post(`${listOf('acme')}/create`, { ...ofAcme, name: 'CI' })).statusCode, 200)
})

t.test('the cookie of one realm is none of another', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta')
  await signIn(server, browser, 'acme')
  const cookie = browser.cookies.get('__Host-mintmark-portal-acme') as string
  const thief = new Browser(server)
  thief.cookies.set('__Host-mintmark-portal-beta', cookie)
  t.equal(await statusOf(thief, 'beta'), 303)
})

t.test(
  'signing out ends the session of one realm, or those of all, and the trail of each says so',
  async (t) => {
    const { server, browser } = await withRealms(t, 'acme', 'beta', 'gamma')
    const { operations } = server
    for (const realm of ['acme', 'beta', 'gamma']) await signIn(server, browser, realm)
    const elsewhere = new Browser(server)
    await signIn(server, elsewhere, 'beta')

    const one = await browser.submit(listOf('acme'), '/portal/acme/sign-out')
    // The first form that acts there is the one for all: send the other as its page has it.
    t.equal(one.headers.location, '/portal')
    for (const realm of ['acme', 'beta', 'gamma']) {
      t.equal(await statusOf(browser, realm), 303, realm)
      const { items } = await operations.audit.list(TESTER, realm, { action: 'portal.sign-out', limit: 9 })
      t.equal(items.length, 1, realm)
    }
    t.equal(await statusOf(elsewhere, 'beta'), 200, 'another browser goes on')

    for (const realm of ['acme', 'gamma']) await signIn(server, browser, realm)
    const { form_token: token = '' } = hiddenFields(
      (await browser.get(listOf('gamma'))).body,
      '/portal/gamma/sign-out',
    )
    t.equal(
      (await browser.post('/portal/gamma/sign-out', { form_token: token })).headers.location,
      '/portal/gamma/sign-in',
    )
    t.equal(await statusOf(browser, 'gamma'), 303)
    t.equal(await statusOf(browser, 'acme'), 200)
    t.notMatch((await browser.get(listOf('acme'))).body, 'gamma', 'what has ended is not offered')
  },
)

t.test('sessions are ended realm by realm', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta')
  for (const realm of ['acme', 'beta']) await signIn(server, browser, realm)
  const [acme, beta] = await Promise.all(
    ['acme', 'beta'].map((realm) => server.operations.portal.listSessions(TESTER, realm)),
  )
  t.equal(acme?.length, 1)
  t.not(acme?.[0]?.id, beta?.[0]?.id)
  await server.operations.portal.endSessions(TESTER, 'acme', undefined)
  t.equal(await statusOf(browser, 'acme'), 303)
  t.equal(await statusOf(browser, 'beta'), 200)
  await server.operations.realms.delete(TESTER, 'beta')
  t.equal(await statusOf(browser, 'beta'), 303)
})

t.test('/portal opens the realm that was used last, and asks for another on demand', async (t) => {
  const { server, browser } = await withRealms(t, 'acme', 'beta')
  for (const realm of ['acme', 'beta']) {
    await signIn(server, browser, realm)
    server.clock.advance(60)
  }
  t.equal((await browser.get('/portal')).headers.location, listOf('beta'))
  await browser.get(listOf('acme'))
  t.equal((await browser.get('/portal')).headers.location, listOf('acme'))
  t.match(
    textOf(await browser.get('/portal?realm=')),
    /Which realm do you look after\?.*Signed in to: acme ?, beta/,
  )
  t.equal((await browser.get('/portal?realm=beta')).headers.location, listOf('beta'))
  t.equal((await browser.get('/portal?realm=gamma')).headers.location, '/portal/gamma/sign-in')
})

t.test('one realm too many ends the session that was used longest ago, and its cookie goes', async (t) => {
  const realms = Array.from({ length: MAX_REALMS + 1 }, (_, n) => `realm-${n}`)
  const { server, browser } = await withRealms(t, ...realms)
  for (const realm of realms) {
    t.equal((await signIn(server, browser, realm)).statusCode, 303)
    server.clock.advance(1)
    // The first one is in use.
    if (realm !== realms.at(-1)) await browser.get(listOf('realm-0'))
    server.clock.advance(1)
  }
  t.equal(browser.cookies.size, MAX_REALMS)
  t.equal(await statusOf(browser, 'realm-0'), 200)
  t.equal(await statusOf(browser, 'realm-1'), 303)
  t.same(await server.operations.portal.listSessions(TESTER, 'realm-1'), [])
  t.ok([...browser.cookies].join().length < 8192, 'they fit in the header of every proxy')
})

t.test('cookies that somebody makes up are no sessions', async (t) => {
  const { server, browser } = await withRealms(t, 'acme')
  await signIn(server, browser, 'acme')
  for (const name of ['beta', '', '__proto__', 'x'.repeat(200), '%2e'])
    browser.cookies.set(`__Host-mintmark-portal-${name}`, 'x'.repeat(50))
  t.equal(await statusOf(browser, 'acme'), 200)
  await signIn(server, browser, 'acme')
  t.same([...browser.cookies.keys()], ['__Host-mintmark-portal-acme'], 'the next sign-in clears them away')
})

t.test('two tabs sign in to two realms at the provider at once', async (t) => {
  const provider = await identityProvider(t, { redirectUri: `${PUBLIC_URL}/portal/_callback` })
  const server = await testServer(t, {
    singleSignOn: {
      issuer: provider.issuer,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      scope: 'openid profile email offline_access',
      accessClaim: 'roles',
      adminValue: 'admin',
      viewerValue: undefined,
    },
  })
  provider.claims = { name: 'Alice', roles: ['admin'] }
  const browser = new Browser(server)
  const begun: string[] = []
  for (const realm of ['acme', 'beta']) {
    await server.operations.realms.create(TESTER, realm)
    begun.push((await browser.get(`/portal/${realm}/sign-in/sso`)).headers.location as string)
  }
  for (const [at, realm] of ['acme', 'beta'].entries()) {
    const back = (await provider.signIn(begun[at] as string)).slice(PUBLIC_URL.length)
    t.equal((await browser.get(back)).headers.location, listOf(realm))
  }
  for (const realm of ['acme', 'beta']) t.match((await browser.get(listOf(realm))).body, '>Alice</bdi>')
  t.same(
    [...browser.cookies.keys()].filter((name) => name.includes('sign-in')),
    [],
  )
})
