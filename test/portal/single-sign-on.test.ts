import pg from 'pg'
import t from 'tap'
import type { SingleSignOnSettings } from '../../src/domain/single-sign-on.ts'
import {
  ACCESS_TOKEN_SECONDS,
  CLIENT_ID,
  CLIENT_SECRET,
  ID_TOKEN_SECONDS,
  identityProvider,
  type ProviderOptions,
  type TestIdentityProvider,
} from '../support/identity-provider.ts'
import { type Answer, adminOf, Browser, textOf, withOtherTag } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const REDIRECT_URI = `${PUBLIC_URL}/portal/_callback`

function settingsFor({ issuer }: TestIdentityProvider): SingleSignOnSettings {
  return {
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    scope: 'openid profile email offline_access',
    accessClaim: 'roles',
    adminValue: 'mintmark-{realm}-admin',
    viewerValue: 'mintmark-{realm}-viewer',
  }
}

async function withProvider(
  t: Parameters<typeof testServer>[0],
  settings: Partial<SingleSignOnSettings> = {},
  options: Partial<ProviderOptions> = {},
) {
  const provider = await identityProvider(t, { redirectUri: REDIRECT_URI, ...options })
  const server = await testServer(t, {
    singleSignOn: { ...settingsFor(provider), ...settings },
  })
  await server.operations.realms.create(TESTER, 'acme')
  provider.claims = { name: 'Alice', roles: ['mintmark-acme-admin'] }
  return { provider, server, browser: new Browser(server) }
}

async function signIn(browser: Browser, provider: TestIdentityProvider, next = ''): Promise<Answer> {
  const away = await browser.get(`/portal/acme/sign-in/sso?next=${encodeURIComponent(next)}`)
  const back = await provider.signIn(away.headers.location as string)
  return browser.get(back.slice(PUBLIC_URL.length))
}

t.test('the provider makes an Account Admin, who comes back to where they were', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  t.match((await browser.get('/portal/acme/sign-in')).body, 'Sign in with single sign-on')
  const away = await browser.get('/portal/acme/sign-in/sso')
  const asked = new URL(away.headers.location as string).searchParams
  t.match(Object.fromEntries(asked), {
    response_type: 'code',
    client_id: CLIENT_ID,
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    state: /./,
    nonce: /./,
    redirect_uri: REDIRECT_URI,
  })
  const answer = await signIn(browser, provider, '/portal/acme/keys')
  t.equal(answer.statusCode, 303)
  t.equal(answer.headers.location, '/portal/acme/keys')
  const page = await browser.get('/portal/acme/keys')
  t.match(page.body, 'Alice')
  t.match(page.body, 'Account Admin')
  t.match(page.body, '/portal/acme/keys/rotate')
  const { items } = await server.operations.audit.list(TESTER, 'acme', { limit: 1 })
  t.match(items[0], { action: 'portal.sign-in', actor: { kind: 'portal', id: 'alice' } })
})

t.test(
  'a person of the provider stands in the trail and among people by name as well as by subject',
  async (t) => {
    const { provider, server, browser } = await withProvider(t)
    await signIn(browser, provider)
    await browser.submit(`${LIST}/create`, `${LIST}/create`, { name: 'CI' })
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      action: 'service-account.create',
      limit: 1,
    })
    t.match(items[0], { actor: { id: 'alice' }, details: { actor_name: 'Alice' } })
    t.match((await browser.get('/portal/acme/audit?actor=Alice')).body, /Alice[\s\S]*alice/)
    t.match(textOf(await browser.get('/portal/acme/audit?actor=alice')), 'Create a service account')
    t.match(
      textOf(await browser.get('/portal/acme/people')),
      /Alice Account Admin You by single sign-on: alice from/,
    )
  },
)

t.test('another value makes a viewer, and none refuses the sign-in', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  provider.claims = { email: 'alice@acme.test', roles: ['mintmark-acme-viewer', 'else'] }
  await signIn(browser, provider)
  t.match((await browser.get(LIST)).body, /alice@acme\.test[\s\S]*Viewer, read only/)
  for (const claims of [{ roles: ['mintmark-other-admin'] }, { roles: 7 }, {}]) {
    provider.claims = claims
    const refused = await signIn(new Browser(server), provider)
    t.equal(refused.statusCode, 403)
    t.match(textOf(refused), 'has not made you an Account Admin or a viewer here')
  }
  t.ok(server.log.some((line) => line.includes('claim roles is absent')))
})

t.test('the claim may lie within others', async (t) => {
  const { provider, browser } = await withProvider(t, {
    accessClaim: 'realm_access.roles',
    viewerValue: undefined,
  })
  provider.claims = { realm_access: { roles: ['x', 'mintmark-acme-admin'] } }
  t.equal((await signIn(browser, provider)).statusCode, 303)
  t.match((await browser.get(LIST)).body, 'alice')
})

t.test(
  'a text of the claim counts as one value, unless the settings say that it holds several',
  async (t) => {
    const one = await withProvider(t)
    one.provider.claims = { roles: 'mintmark-acme-admin' }
    t.equal((await signIn(one.browser, one.provider)).statusCode, 303)
    for (const roles of [
      'platform mintmark-acme-admin trainee',
      ['x mintmark-acme-admin'],
      ' mintmark-acme-admin',
    ]) {
      one.provider.claims = { roles }
      t.equal((await signIn(new Browser(one.server), one.provider)).statusCode, 403)
    }
    const several = await withProvider(t, { claimIsSpaceSeparated: true })
    several.provider.claims = { roles: 'x mintmark-acme-admin' }
    t.equal((await signIn(several.browser, several.provider)).statusCode, 303)
  },
)

t.test(
  'whoever is demoted at the provider may do less by their next click, and out by the one after',
  async (t) => {
    const { provider, browser } = await withProvider(t)
    await signIn(browser, provider)
    t.match((await browser.get(LIST)).body, 'Account Admin')
    provider.claims = { roles: ['mintmark-acme-viewer'] }
    t.match((await browser.get(LIST)).body, 'Viewer, read only')
    provider.claims = {}
    t.equal((await browser.get(LIST)).statusCode, 303)
    provider.claims = { roles: ['mintmark-acme-admin'] }
    t.equal((await browser.get(LIST)).statusCode, 303)
  },
)

t.test('an access token that has ended is renewed once, for all clicks of that moment', async (t) => {
  const { provider, browser } = await withProvider(t)
  await signIn(browser, provider)
  provider.endAccessTokens()
  const codes = (await Promise.all([LIST, LIST, LIST].map((url) => browser.get(url)))).map(
    (a) => a.statusCode,
  )
  t.same(codes, [200, 200, 200])
  provider.claims = { roles: ['mintmark-acme-viewer'] }
  provider.endAccessTokens()
  t.match((await browser.get(LIST)).body, 'Viewer, read only')
})

t.test('a session that was ended at the provider is over by the next click', async (t) => {
  const { provider, browser } = await withProvider(t)
  await signIn(browser, provider)
  provider.endGrants()
  t.equal((await browser.get(LIST)).statusCode, 303)
})

t.test('without a refresh token a session lasts as long as its access token', async (t) => {
  const { provider, browser } = await withProvider(t, { scope: 'openid' }, { refreshTokens: false })
  await signIn(browser, provider)
  t.equal((await browser.get(LIST)).statusCode, 200)
  provider.endAccessTokens()
  t.equal((await browser.get(LIST)).statusCode, 303)
})

t.test(
  'a provider without userinfo is believed by its ID token, which is renewed when it ends',
  async (t) => {
    for (const [expiresIn, seconds] of [
      [true, ACCESS_TOKEN_SECONDS],
      [false, ID_TOKEN_SECONDS],
    ] as const) {
      const { provider, server, browser } = await withProvider(t, {}, { userInfo: false, expiresIn })
      t.equal((await signIn(browser, provider)).statusCode, 303)
      provider.claims = { roles: ['mintmark-acme-viewer'] }
      server.clock.advance(seconds - 1)
      t.match((await browser.get(LIST)).body, 'Account Admin')
      server.clock.advance(1)
      t.match((await browser.get(LIST)).body, 'Viewer, read only')
      provider.claims = {}
      server.clock.advance(seconds - 1)
      t.match((await browser.get(LIST)).body, 'Viewer, read only')
      server.clock.advance(1)
      t.equal((await browser.get(LIST)).statusCode, 303)
    }
  },
)

t.test(
  'without userinfo and without a refresh token a session lasts as long as its access token',
  async (t) => {
    const options = { userInfo: false, refreshTokens: false }
    const { provider, server, browser } = await withProvider(t, { scope: 'openid' }, options)
    await signIn(browser, provider)
    server.clock.advance(ACCESS_TOKEN_SECONDS - 1)
    t.equal((await browser.get(LIST)).statusCode, 200)
    server.clock.advance(1)
    t.equal((await browser.get(LIST)).statusCode, 303)
  },
)

t.test('an outage of the provider refuses sign-ins and ends no session', async (t) => {
  const { provider, browser, server } = await withProvider(t)
  await signIn(browser, provider)
  const comeBack = await provider.goAway()
  const click = await browser.get(LIST)
  t.equal(click.statusCode, 503)
  t.match(textOf(click), 'Your identity provider does not answer at the moment.')
  const fresh = await testServer(t, { databaseUrl: server.databaseUrl, singleSignOn: settingsFor(provider) })
  t.equal((await new Browser(fresh).get('/portal/acme/sign-in/sso')).statusCode, 503)
  await comeBack()
  t.equal((await browser.get(LIST)).statusCode, 200)
})

t.test('a way back without the way there is refused', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  const away = await browser.get('/portal/acme/sign-in/sso')
  const back = (await provider.signIn(away.headers.location as string)).slice(PUBLIC_URL.length)
  const elsewhere = await new Browser(server).get(back)
  t.equal(elsewhere.statusCode, 400)
  t.match(textOf(elsewhere), 'begun in another browser')

  const name = '__Host-mintmark-sign-in-acme'
  const kept = browser.cookies.get(name) as string
  for (const forged of ['x', withOtherTag(kept)]) {
    browser.cookies.set(name, forged)
    t.equal((await browser.get(back)).statusCode, 400)
  }
  browser.cookies.set(name, kept)
  server.clock.advance(601)
  t.equal((await browser.get(back)).statusCode, 400)
})

t.test('a state, a code or an error of the provider that does not fit is refused', async (t) => {
  const { provider, browser } = await withProvider(t)
  for (const change of [
    (query: URLSearchParams) => query.set('state', 'another'),
    (query: URLSearchParams) => query.set('code', 'another'),
    (query: URLSearchParams) => {
      query.delete('code')
      query.set('error', 'access_denied')
    },
    (query: URLSearchParams) => query.set('iss', 'https://evil.test'),
  ]) {
    const away = await browser.get('/portal/acme/sign-in/sso')
    const back = new URL(await provider.signIn(away.headers.location as string))
    change(back.searchParams)
    const answer = await browser.get(back.pathname + back.search)
    t.equal(answer.statusCode, 403)
    t.match(textOf(answer), 'Your identity provider did not let you in.')
  }
  t.equal((await browser.get('/portal/_callback')).statusCode, 400)
})

t.test('a code is not accepted twice, nor for a realm that is gone', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  t.equal((await browser.get('/portal/nobody/sign-in/sso')).statusCode, 404)
  const away = await browser.get('/portal/acme/sign-in/sso')
  const back = (await provider.signIn(away.headers.location as string)).slice(PUBLIC_URL.length)
  await server.operations.realms.delete(TESTER, 'acme')
  t.equal((await browser.get(back)).statusCode, 404)
})

t.test('a realm that is deleted while the provider is asked is not found', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  const away = await browser.get('/portal/acme/sign-in/sso')
  const back = (await provider.signIn(away.headers.location as string)).slice(PUBLIC_URL.length)
  provider.meanwhile = async () => {
    provider.meanwhile = async () => {}
    await server.operations.realms.delete(TESTER, 'acme')
  }
  t.equal((await browser.get(back)).statusCode, 404)
})

t.test('every sign-in leaves an audit event', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query('alter table audit_events add constraint none check (false) not valid')
  t.equal((await signIn(browser, provider)).statusCode, 500)
  t.equal((await client.query('select * from portal_sessions')).rowCount, 0)
  await client.end()
})

t.test('tokens of the provider are kept sealed, and reach no log', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  await signIn(browser, provider)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  const { rows } = await client.query('select * from portal_sessions')
  await client.end()
  t.match(rows[0].sealed_provider_grant, /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/)
  t.notMatch(JSON.stringify(rows), 'accessToken')
  t.notOk(server.log.some((line) => /code=|"code":"[\w-]{20}/.test(line)))
})

t.test('a provider with settings that are wrong is refused with the reason in the log', async (t) => {
  const { provider, server, browser } = await withProvider(t, { clientSecret: 'wrong' })
  const away = await browser.get('/portal/acme/sign-in/sso')
  const back = await provider.signIn(away.headers.location as string)
  t.equal((await browser.get(back.slice(PUBLIC_URL.length))).statusCode, 403)
  t.ok(server.log.some((line) => line.includes('invalid_client')))
})

t.test('a subject that is no ASCII is kept by its hash, and a name that is blank is not shown', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  provider.login = 'ålice'
  provider.claims = { name: '  ', email: 'a@acme.test', roles: ['mintmark-acme-admin'] }
  await signIn(browser, provider)
  t.match((await browser.get(LIST)).body, 'a@acme.test')
  const [session] = await server.operations.portal.listSessions(TESTER, 'acme')
  t.match(session?.subject, /^[\w-]{43}$/)
})

t.test('a name with characters that the database does not take lets in, without them', async (t) => {
  const { provider, browser } = await withProvider(t)
  provider.claims = { name: 'Al\0ice\ud800', roles: ['mintmark-acme-admin'] }
  t.equal((await signIn(browser, provider)).statusCode, 303)
  t.match((await browser.get(LIST)).body, 'Alice')
})

t.test('a person without a role at token renewal is signed out', async (t) => {
  const { provider, browser } = await withProvider(t)
  await signIn(browser, provider)
  provider.claims = {}
  provider.endAccessTokens()
  t.equal((await browser.get(LIST)).statusCode, 303)
})

t.test('a one-time link lets in beside single sign-on, and outlives it', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  await signIn(browser, provider)
  const byLink = await adminOf(server, 'acme')
  t.equal((await byLink.get(LIST)).statusCode, 200)
  const without = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  for (const [from, status] of [
    [byLink, 200],
    [browser, 303],
  ] as const) {
    const elsewhere = new Browser(without)
    for (const [name, value] of from.cookies) elsewhere.cookies.set(name, value)
    t.equal((await elsewhere.get(LIST)).statusCode, status)
  }
})

t.test('the portal may be a public client, which PKCE protects', async (t) => {
  const { provider, browser } = await withProvider(t, { clientSecret: undefined }, { publicClient: true })
  t.equal((await signIn(browser, provider)).statusCode, 303)
})

t.test('a provider that cannot be reached, or is none, is told apart', async (t) => {
  const away = await withProvider(t, { issuer: 'https://localhost:1' })
  t.equal((await away.browser.get('/portal/acme/sign-in/sso')).statusCode, 503)
  const { issuer } = away.provider
  const none = await withProvider(t, { issuer: `${issuer}/nothing` })
  t.equal((await none.browser.get('/portal/acme/sign-in/sso')).statusCode, 403)
})

t.test('a subject that looks like a one-time link’s is hashed', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  provider.login = 'link of cli:root'
  provider.claims = { name: 'Account Admin', roles: ['mintmark-acme-admin'] }
  await signIn(browser, provider)
  const { body } = await browser.get(LIST)
  t.notMatch(body, 'By one-time link')
  t.match(body, /<span class="muted">Account Admin</)
  const [session] = await server.operations.portal.listSessions(TESTER, 'acme')
  t.match(session?.subject, /^[\w-]{43}$/)
  t.match((await (await adminOf(server, 'acme')).get(LIST)).body, 'By one-time link')
})

t.test(
  'a refused sign-in leaves a line in the trail of its realm, with who it was where that is known',
  async (t) => {
    const { provider, server, browser } = await withProvider(t)
    provider.claims = { roles: ['mintmark-other-admin'] }
    await signIn(browser, provider)
    await browser.get('/portal/acme/callback?code=x')
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      limit: 2,
      action: 'portal.sign-in',
    })
    t.match(items, [
      { outcome: 'refused', details: { code: 'attempt_lost' }, actor: { kind: 'portal', id: 'unknown' } },
      { outcome: 'refused', details: { code: 'no_access' }, actor: { id: 'alice', address: '127.0.0.1' } },
    ])
  },
)

t.test('a session that the provider ends leaves a line in the trail', async (t) => {
  const { provider, server, browser } = await withProvider(t)
  await signIn(browser, provider)
  provider.claims = {}
  await browser.get(LIST)
  await browser.get(LIST)
  const { items } = await server.operations.audit.list(TESTER, 'acme', { limit: 2 })
  t.match(items, [
    { action: 'portal.session-end', actor: { id: 'alice' }, details: { by: 'identity provider' } },
    { action: 'portal.sign-in' },
  ])
})
