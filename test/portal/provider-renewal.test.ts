import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import {
  CLIENT_ID,
  CLIENT_SECRET,
  identityProvider,
  type ProviderOptions,
} from '../support/identity-provider.ts'
import { Browser } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'

/** Two processes on one database, and somebody who is signed in. */
async function signedIn(t: Test, options: Partial<ProviderOptions> = {}) {
  const provider = await identityProvider(t, { redirectUri: `${PUBLIC_URL}/portal/_callback`, ...options })
  const singleSignOn = settingsFor(provider.issuer)
  const server = await testServer(t, { singleSignOn })
  const { databaseUrl, clock } = server
  const other = await testServer(t, { singleSignOn, databaseUrl, clock })
  await server.operations.realms.create(TESTER, 'acme')
  provider.claims = { name: 'Alice', roles: ['admin'] }
  const browser = new Browser(server)
  const away = await browser.get('/portal/acme/sign-in/sso')
  await browser.get((await provider.signIn(away.headers.location as string)).slice(PUBLIC_URL.length))
  const elsewhere = new Browser(other)
  for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
  return { provider, server, browser, elsewhere }
}

function settingsFor(issuer: string) {
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    scope: 'openid profile email offline_access',
    accessClaim: 'roles',
    adminValue: 'admin',
    viewerValue: 'viewer',
  }
}

/** A provider without userinfo that gives any ID token that the test wants. */
async function plainProvider(t: Test) {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwks = { keys: [await exportJWK(publicKey)] }
  const wanted = { subject: '', nonce: '' }
  const http = createServer(async (request, response) => {
    const idToken = () =>
      new SignJWT({ roles: ['admin'], nonce: wanted.nonce })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(issuer)
        .setAudience(CLIENT_ID)
        .setSubject(wanted.subject)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey)
    const tokens = { access_token: 'a', refresh_token: 'r', token_type: 'Bearer', expires_in: 60 }
    const endpoints = { token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }
    const body =
      request.url === '/token'
        ? { ...tokens, id_token: await idToken() }
        : request.url === '/jwks'
          ? jwks
          : { issuer, authorization_endpoint: `${issuer}/authorize`, ...endpoints }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  http.listen(0, 'localhost')
  await once(http, 'listening')
  t.teardown(() => http.close())
  const issuer = `http://localhost:${(http.address() as AddressInfo).port}`
  return Object.assign(wanted, { issuer })
}

const clicks = async (...browsers: Browser[]) =>
  (await Promise.all(browsers.map((browser) => browser.get(LIST)))).map(({ statusCode }) => statusCode)

async function sessionRow({ databaseUrl }: { databaseUrl: string }) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query('select * from portal_sessions')
  await client.end()
  return rows[0]
}

t.test('two processes spend a refresh token that is good for one use once', async (t) => {
  const { provider, browser, elsewhere } = await signedIn(t)
  for (let round = 1; round <= 4; round++) {
    provider.endAccessTokens()
    t.same(await clicks(browser, elsewhere, browser, elsewhere), [200, 200, 200, 200])
    t.equal(provider.refreshes(), round)
  }
})

t.test('a process that has read the tokens before another renewed them uses the new ones', async (t) => {
  const { provider, browser, elsewhere } = await signedIn(t)
  provider.endAccessTokens()
  // The second process waits for the first, whose renewal is under way until the provider answers about claims.
  let second: Promise<number[]> | undefined
  provider.meanwhile = async () => {
    provider.meanwhile = async () => {}
    second = clicks(elsewhere)
  }
  t.same(await clicks(browser), [200])
  t.same(await second, [200])
  t.equal(provider.refreshes(), 1)
})

t.test(
  'a provider that is away during a renewal signs nobody out, and is asked again by the next click',
  async (t) => {
    const { provider, server, browser, elsewhere } = await signedIn(t)
    provider.endAccessTokens()
    const comeBack = await provider.goAway()
    t.same(await clicks(browser, elsewhere), [503, 503])
    t.match(await sessionRow(server), { renewing_until: null })
    await comeBack()
    t.same(await clicks(elsewhere, browser), [200, 200])
  },
)

t.test(
  'tokens that were renewed are kept, though the provider then says nothing of the person',
  async (t) => {
    const { provider, browser } = await signedIn(t)
    provider.endAccessTokens()
    provider.afterRefresh = () => {
      provider.meanwhile = () => Promise.reject(new Error('no claims at the moment'))
    }
    t.same(await clicks(browser), [503])
    provider.meanwhile = async () => {}
    t.same(await clicks(browser), [200])
    t.equal(provider.refreshes(), 1)
  },
)

t.test('a renewed ID token of somebody else ends the session', async (t) => {
  const provider = await plainProvider(t)
  const server = await testServer(t, { singleSignOn: settingsFor(provider.issuer) })
  await server.operations.realms.create(TESTER, 'acme')
  for (const [subject, status] of [
    ['alice', 200],
    ['mallory', 303],
  ] as const) {
    provider.subject = 'alice'
    const browser = new Browser(server)
    const away = new URL((await browser.get('/portal/acme/sign-in/sso')).headers.location as string)
    provider.nonce = away.searchParams.get('nonce') as string
    const query = new URLSearchParams({ code: 'x', state: away.searchParams.get('state') as string })
    t.equal((await browser.get(`/portal/_callback?${query}`)).statusCode, 303)
    provider.subject = subject
    server.clock.advance(61)
    t.same(await clicks(browser), [status], subject)
  }
})

t.test(
  'the tokens of a session that has ended are revoked at the provider, and its row is deleted',
  async (t) => {
    for (const end of ['sign-out', 'idle', 'ended'] as const) {
      const { provider, server, browser } = await signedIn(t)
      if (end === 'sign-out') await browser.submit(LIST, '/portal/acme/sign-out')
      if (end === 'idle') server.clock.advance(32 * 60)
      if (end === 'ended') await server.operations.portal.endSessions(TESTER, 'acme', 'alice')
      t.equal(await server.operations.portal.deleteEndedSessions(), false)
      t.equal(provider.revoked.length, 1, end)
      t.equal(await sessionRow(server), undefined)
    }
  },
)

t.test('a session is deleted though its provider is away', async (t) => {
  const { provider, server, browser } = await signedIn(t)
  await browser.submit(LIST, '/portal/acme/sign-out')
  await provider.goAway()
  t.equal(await server.operations.portal.deleteEndedSessions(), false)
  t.equal(await sessionRow(server), undefined)
})

t.test('a session in use keeps its row and its tokens', async (t) => {
  const { provider, server, browser } = await signedIn(t)
  server.clock.advance(29 * 60)
  t.same(await clicks(browser), [200])
  server.clock.advance(29 * 60)
  await server.operations.portal.deleteEndedSessions()
  t.same(provider.revoked, [])
  t.same(await clicks(browser), [200])
})
