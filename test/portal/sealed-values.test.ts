import pg from 'pg'
import t, { type Test } from 'tap'
import { createPortalSealer } from '../../src/crypto/portal-token.ts'
import { CLIENT_ID, CLIENT_SECRET, identityProvider } from '../support/identity-provider.ts'
import { adminOf, Browser, hiddenFields } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const SESSION = '__Host-mintmark-portal-acme'
const SIGN_IN = '__Host-mintmark-sign-in-acme'

async function withProvider(t: Test) {
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
  await server.operations.realms.create(TESTER, 'acme')
  provider.claims = { name: 'Alice', roles: ['admin'] }
  const browser = new Browser(server)
  const away = await browser.get('/portal/acme/sign-in/sso')
  const attempt = browser.cookies.get(SIGN_IN) as string
  const back = (await provider.signIn(away.headers.location as string)).slice(PUBLIC_URL.length)
  return { provider, server, browser, attempt, back }
}

async function query(databaseUrl: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query(statement)
  await client.end()
  return rows
}

t.test('a sealed value opens for its purpose and owner alone', async (t) => {
  const sealer = createPortalSealer(Buffer.alloc(32, 1))
  const sealed = sealer.seal({ a: 1 }, 'provider-grant', 'one')
  t.same(sealer.open(sealed, 'provider-grant', 'one'), { a: 1 })
  t.equal(sealer.open(sealed, 'provider-grant', 'another'), undefined)
  t.equal(sealer.open(sealed, 'provider-grant'), undefined)
  t.equal(sealer.open(sealed, 'session', 'one'), undefined)
  t.equal(createPortalSealer(Buffer.alloc(32, 2)).open(sealed, 'provider-grant', 'one'), undefined)
  for (const forged of ['', 'x', 'a.b.c.d.e', sealed.slice(0, -2)])
    t.equal(sealer.open(forged, 'provider-grant', 'one'), undefined)
})

t.test('the cookie of a sign-in is no session, and a session is no way back from the provider', async (t) => {
  const { server, browser, attempt, back } = await withProvider(t)
  browser.cookies.set(SESSION, attempt)
  t.equal((await browser.get(LIST)).statusCode, 303)
  t.equal((await browser.get('/portal')).statusCode, 200)

  const session = (await adminOf(server, 'acme')).cookies.get(SESSION) as string
  const thief = new Browser(server)
  thief.cookies.set(SIGN_IN, session)
  const code = new URL(back, PUBLIC_URL).searchParams.get('code')
  for (const path of [back, `/portal/_callback?code=${code}`]) {
    t.equal((await thief.get(path)).statusCode, 400)
    thief.cookies.set(SIGN_IN, session)
  }
  browser.cookies.delete(SESSION)
  t.equal((await browser.get(back)).statusCode, 303, 'the code has not been spent')
})

t.test('a sign-in cookie that was used makes no second session, with any code', async (t) => {
  const { provider, server, browser, attempt, back } = await withProvider(t)
  t.equal((await browser.get(back)).statusCode, 303)
  const other = new Browser(server)
  const away = await other.get('/portal/acme/sign-in/sso')
  const fresh = new URL(await provider.signIn(away.headers.location as string))
  fresh.searchParams.set('state', new URL(back, PUBLIC_URL).searchParams.get('state') as string)
  for (const path of [back, fresh.pathname + fresh.search]) {
    const replay = new Browser(server)
    replay.cookies.set(SIGN_IN, attempt)
    t.equal((await replay.get(path)).statusCode, 400)
    t.notOk(replay.cookies.has(SESSION))
  }
  t.equal((await query(server.databaseUrl, 'select * from portal_sessions')).length, 1)
  const kept = JSON.stringify(await query(server.databaseUrl, 'select * from portal_finished_sign_ins'))
  t.notMatch(kept, new URL(back, PUBLIC_URL).searchParams.get('state') as string)
})

t.test('of several concurrent callbacks of one sign-in, one succeeds', async (t) => {
  const { server, attempt, back } = await withProvider(t)
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => {
      const browser = new Browser(server)
      browser.cookies.set(SIGN_IN, attempt)
      return browser.get(back)
    }),
  )
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 400, 400, 400])
})

t.test('provider tokens of one session do not open in another', async (t) => {
  const { server, browser, back } = await withProvider(t)
  await browser.get(back)
  const link = await adminOf(server, 'acme')
  await query(
    server.databaseUrl,
    `update portal_sessions set sealed_provider_grant =
       (select sealed_provider_grant from portal_sessions where subject = 'alice')`,
  )
  t.equal((await link.get(LIST)).statusCode, 303)
  t.equal((await browser.get(LIST)).statusCode, 200)
})

t.test('a session is no session of a realm that its row was moved to', async (t) => {
  const { server } = await withProvider(t)
  await server.operations.realms.create(TESTER, 'other')
  const browser = await adminOf(server, 'acme')
  await query(
    server.databaseUrl,
    "update portal_sessions set realm_id = (select id from realms where name = 'other')",
  )
  t.equal((await browser.get('/portal/other/service-accounts')).statusCode, 303)
})

t.test('a form that one session has sent may be sent by another', async (t) => {
  const { server } = await withProvider(t)
  const [one, two] = [await adminOf(server, 'acme'), await adminOf(server, 'acme')]
  for (const [browser, name] of [
    [one, 'first'],
    [two, 'second'],
  ] as const) {
    const fields = hiddenFields((await browser.get(`${LIST}/create`)).body, `${LIST}/create`)
    const sent = { ...fields, form_id: 'the same', name }
    t.equal((await browser.post(`${LIST}/create`, sent)).statusCode, 200)
    t.equal((await browser.post(`${LIST}/create`, sent)).statusCode, 409)
  }
})

t.test('an old copy of a cookie is refused, and its session goes on', async (t) => {
  const { server } = await withProvider(t)
  const browser = await adminOf(server, 'acme')
  const copy = new Browser(server)
  for (const [name, value] of browser.cookies) copy.cookies.set(name, value)
  for (let minutes = 0; minutes < 40; minutes += 20) {
    server.clock.advance(20 * 60)
    t.equal((await browser.get(LIST)).statusCode, 200)
  }
  t.equal((await copy.get(LIST)).statusCode, 303)
  t.equal((await browser.get(LIST)).statusCode, 200)
})

t.test('an idle session is not listed after half an hour', async (t) => {
  const { server } = await withProvider(t)
  const browser = await adminOf(server, 'acme')
  t.equal((await server.operations.portal.listSessions(TESTER, 'acme')).length, 1)
  server.clock.advance(31 * 60)
  t.equal((await browser.get(LIST)).statusCode, 303)
  t.same(await server.operations.portal.listSessions(TESTER, 'acme'), [])
  t.equal(await server.operations.portal.endSessions(TESTER, 'acme', undefined), 0)
})

t.test('links and finished sign-ins are deleted once no node can count on them', async (t) => {
  const { server, browser, back } = await withProvider(t)
  await browser.get(back)
  await server.operations.portal.createLink(TESTER, 'acme')
  const left = async () => {
    t.equal(await server.operations.expiry.deleteExpired(), false)
    const [row] = await query(
      server.databaseUrl,
      'select (select count(*) from portal_links)::int links, (select count(*) from portal_finished_sign_ins)::int sign_ins',
    )
    return row
  }
  server.clock.advance(660)
  t.same(await left(), { links: 1, sign_ins: 1 })
  server.clock.advance(600)
  t.same(await left(), { links: 0, sign_ins: 0 })
})
