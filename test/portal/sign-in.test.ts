import pg from 'pg'
import t from 'tap'
import { adminOf, Browser, hiddenFields, textOf, withOtherTag } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const SIGN_IN = '/portal/acme/sign-in'
const LIST = '/portal/acme/service-accounts'

async function withRealm(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  return server
}

async function queryOf({ databaseUrl }: { databaseUrl: string }, statement: string): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query(statement)
  await client.end()
}

async function codeFor({ operations }: Awaited<ReturnType<typeof withRealm>>): Promise<string> {
  const { url } = await operations.portal.createLink(TESTER, 'acme')
  return url.split('#')[1] as string
}

t.test('a one-time link lets one person in, once, and its code reaches neither URL nor log', async (t) => {
  const server = await withRealm(t)
  const { url } = await server.operations.portal.createLink(TESTER, 'acme')
  t.match(url, /^https:\/\/auth\.test\/portal\/acme\/sign-in#[\w-]{43}$/)
  const code = url.split('#')[1] as string
  const first = new Browser(server)
  const answer = await first.post(SIGN_IN, { code })
  t.equal(answer.statusCode, 303)
  t.equal(answer.headers.location, LIST)
  t.equal((await first.get(LIST)).statusCode, 200)

  const second = await new Browser(server).post(SIGN_IN, { code })
  t.equal(second.statusCode, 403)
  t.match(textOf(second), 'The link has been used, or is older than ten minutes.')
  t.notOk(server.log.some((line) => line.includes(code)))
  t.ok(server.log.some((line) => line.includes('link_invalid')))
})

t.test('of several concurrent uses of one link, one succeeds', async (t) => {
  const server = await withRealm(t)
  const code = await codeFor(server)
  const tries = Array.from({ length: 8 }, () => new Browser(server).post(SIGN_IN, { code }))
  const codes = (await Promise.all(tries)).map(({ statusCode }) => statusCode)
  t.same(codes.sort(), [303, 403, 403, 403, 403, 403, 403, 403])
})

t.test('a link is good for ten minutes, in its realm alone', async (t) => {
  const server = await withRealm(t)
  await server.operations.realms.create(TESTER, 'other')
  const [code, late] = [await codeFor(server), await codeFor(server)]
  t.equal((await new Browser(server).post('/portal/other/sign-in', { code })).statusCode, 403)
  server.clock.advance(599)
  t.equal((await new Browser(server).post(SIGN_IN, { code })).statusCode, 303)
  server.clock.advance(1)
  t.equal((await new Browser(server).post(SIGN_IN, { code: late })).statusCode, 403)
  // Making another clears away what is too old.
  await codeFor(server)
})

t.test('looking at a link does not use it up', async (t) => {
  const server = await withRealm(t)
  const code = await codeFor(server)
  await new Browser(server).get(SIGN_IN)
  t.equal((await new Browser(server).post(SIGN_IN, { code })).statusCode, 303)
})

t.test('the cookie is out of reach of scripts, other sites and plain http', async (t) => {
  const server = await withRealm(t)
  const answer = await new Browser(server).post(SIGN_IN, { code: await codeFor(server) })
  const [cookie] = [answer.headers['set-cookie']].flat()
  t.match(cookie, /^__Host-mintmark-portal-acme=[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.equal(answer.headers['strict-transport-security'], 'max-age=31536000', 'other hosts are left alone')
})

t.test('on plain http the cookie does without what needs https', async (t) => {
  const server = await testServer(t, { publicUrl: 'http://localhost:8080' })
  await server.operations.realms.create(TESTER, 'acme')
  const browser = await adminOf(server, 'acme')
  t.same([...browser.cookies.keys()], ['mintmark-portal-acme'])
  t.equal((await browser.get(LIST)).headers['strict-transport-security'], undefined)
})

t.test('a signed-out person is asked to sign in and returns to the page', async (t) => {
  const server = await withRealm(t)
  const browser = new Browser(server)
  const refused = await browser.get(`${LIST}?search=ci`)
  t.equal(refused.statusCode, 303)
  t.equal(refused.headers.location, `${SIGN_IN}?next=%2Fportal%2Facme%2Fservice-accounts%3Fsearch%3Dci`)
  const { next } = hiddenFields((await browser.get(refused.headers.location as string)).body, SIGN_IN)
  t.equal(next, `${LIST}?search=ci`)
  const answer = await browser.post(SIGN_IN, { code: await codeFor(server), next: next as string })
  t.equal(answer.headers.location, `${LIST}?search=ci`)
})

t.test('the page after sign-in is never another site, another realm or the sign-in page', async (t) => {
  const server = await withRealm(t)
  for (const next of [
    'https://evil.test/',
    '//evil.test/portal/acme/',
    '/portal/other/keys',
    '/',
    'http://[',
    SIGN_IN,
  ]) {
    const answer = await new Browser(server).post(SIGN_IN, { code: await codeFor(server), next })
    t.equal(answer.headers.location, LIST, next)
  }
})

t.test('a session ends half an hour after the last click, and eight hours after the first', async (t) => {
  const server = await withRealm(t)
  const idle = await adminOf(server, 'acme')
  const busy = await adminOf(server, 'acme')
  for (let minutes = 0; minutes < 8 * 60 - 29; minutes += 29) {
    t.equal((await busy.get(LIST)).statusCode, 200)
    server.clock.advance(29 * 60)
  }
  t.equal((await idle.get(LIST)).statusCode, 303)
  server.clock.advance(29 * 60)
  t.equal((await busy.get(LIST)).statusCode, 303)
  // Whoever signs in next clears away what has ended.
  t.equal((await (await adminOf(server, 'acme')).get(LIST)).statusCode, 200)
})

t.test('a copy of the cookie is worth nothing after signing out', async (t) => {
  const server = await withRealm(t)
  const browser = await adminOf(server, 'acme')
  const copy = new Browser(server)
  await browser.get(LIST)
  for (const [name, value] of browser.cookies) copy.cookies.set(name, value)
  const answer = await browser.submit(LIST, '/portal/acme/sign-out')
  t.equal(answer.headers.location, SIGN_IN)
  t.equal((await copy.get(LIST)).statusCode, 303)
})

t.test('a form sent while signed out changes nothing, and the page says so', async (t) => {
  const server = await withRealm(t)
  const browser = await adminOf(server, 'acme')
  const fields = hiddenFields((await browser.get(`${LIST}/create`)).body, `${LIST}/create`)
  await server.operations.portal.endSessions(TESTER, 'acme', undefined)
  const answer = await browser.post(`${LIST}/create`, { ...fields, name: 'CI' })
  t.equal(answer.statusCode, 401)
  t.match(textOf(answer), 'Nothing was changed. Sign in again')
  t.equal(answer.headers['www-authenticate'], 'Cookie realm="portal"')
})

t.test('an administrator ends the sessions of one person or of all', async (t) => {
  const server = await withRealm(t)
  const { operations } = server
  const one = await adminOf(server, 'acme')
  const { url } = await operations.portal.createLink({ ...TESTER, id: 'another' }, 'acme')
  const two = new Browser(server)
  await two.post(SIGN_IN, { code: url.split('#')[1] as string })
  const subjects = (await operations.portal.listSessions(TESTER, 'acme')).map(({ subject }) => subject)
  t.same(subjects.sort(), ['link of cli:another', 'link of cli:tester'])
  t.equal(await operations.portal.endSessions(TESTER, 'acme', 'link of cli:another'), 1)
  t.equal((await two.get(LIST)).statusCode, 303)
  t.equal((await one.get(LIST)).statusCode, 200)
  t.equal(await operations.portal.endSessions(TESTER, 'acme', undefined), 1)
  t.equal((await one.get(LIST)).statusCode, 303)
})

t.test('a session is of one realm: another one asks to sign in, and this one stays', async (t) => {
  const server = await withRealm(t)
  await server.operations.realms.create(TESTER, 'other')
  const browser = await adminOf(server, 'acme')
  const answer = await browser.get('/portal/other/service-accounts')
  t.match(answer.headers.location, '/portal/other/sign-in')
  t.equal((await browser.get(LIST)).statusCode, 200)
})

t.test('a session works on every node, and its cookie says nothing to others', async (t) => {
  const server = await withRealm(t)
  const node = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  const browser = await adminOf(server, 'acme')
  const elsewhere = new Browser(node)
  for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
  t.equal((await elsewhere.get(LIST)).statusCode, 200)
  const [value = ''] = [...browser.cookies.values()]
  t.equal(JSON.parse(Buffer.from(value.split('.')[0] ?? '', 'base64url').toString()).enc, 'A256GCM')
})

t.test('a cookie that is not ours, or was changed, is as good as none', async (t) => {
  const server = await withRealm(t)
  const browser = await adminOf(server, 'acme')
  const [[name, value] = ['', '']] = [...browser.cookies]
  for (const forged of ['x', withOtherTag(value), value.slice(0, 40)]) {
    browser.cookies.set(name, forged)
    t.equal((await browser.get(LIST)).statusCode, 303)
  }
})

t.test('/portal opens the signed-in realm, or asks for a realm', async (t) => {
  const server = await withRealm(t)
  const stranger = new Browser(server)
  t.match(textOf(await stranger.get('/portal')), 'Which realm do you look after?')
  t.equal((await stranger.get('/portal?realm=acme')).headers.location, SIGN_IN)
  const wrong = await stranger.get('/portal?realm=Not%20one')
  t.equal(wrong.statusCode, 400)
  t.match(textOf(wrong), 'A realm name is 1 to 63')
  t.equal((await stranger.get('/portal/acme')).headers.location, LIST)
  t.equal((await (await adminOf(server, 'acme')).get('/portal')).headers.location, LIST)
  t.equal((await stranger.get('/portal/No_Realm/sign-in')).statusCode, 404)
})

t.test('a needless slash redirects to the right address', async (t) => {
  const server = await withRealm(t)
  const browser = await adminOf(server, 'acme')
  for (const [path, meant] of [
    ['/portal/', '/portal'],
    ['/portal//', '/portal'],
    ['/portal/?realm=acme', '/portal?realm=acme'],
    ['/portal//service-accounts', '/portal/service-accounts'],
    ['/portal//sign-in?next=%2F%2Fevil.test', '/portal/sign-in?next=%2F%2Fevil.test'],
    ['/portal/acme//keys', '/portal/acme/keys'],
    ['/portal/acme/keys/?done=x', '/portal/acme/keys?done=x'],
    ['/portal/acme/nothing/', '/portal/acme/nothing'],
  ] as const) {
    const answer = await browser.get(path)
    t.equal(answer.statusCode, 303, path)
    t.equal(answer.headers.location, meant)
  }
  const form = await browser.post('/portal/acme/sign-in/', { code: 'x' })
  t.equal(form.statusCode, 308)
  t.equal(form.headers.location, SIGN_IN)
})

t.test('/ leads people to the portal, and tells programs that nothing is there', async (t) => {
  const server = await withRealm(t)
  const browser = new Browser(server)
  const page = await browser.get('/', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' })
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/portal')
  for (const accept of ['*/*', 'application/json', '']) {
    const answer = await browser.get('/', { accept })
    t.equal(answer.statusCode, 404)
    t.same(answer.json(), { error: 'not_found' })
    t.equal(answer.headers['vary'], 'accept')
  }
})

t.test('sign-in to an unknown realm is refused', async (t) => {
  const server = await withRealm(t)
  t.equal((await new Browser(server).post('/portal/nobody/sign-in', { code: 'x' })).statusCode, 404)
  await t.rejects(server.operations.portal.createLink(TESTER, 'nobody'), { code: 'not_found' })
})

t.test('a realm that is deleted takes its sessions along', async (t) => {
  const server = await withRealm(t)
  const browser = await adminOf(server, 'acme')
  await server.operations.realms.delete(TESTER, 'acme')
  t.equal((await browser.get(LIST)).statusCode, 303)
})

t.test('guessing codes is slowed down', async (t) => {
  const server = await withRealm(t)
  const browser = new Browser(server)
  for (let i = 0; i < 20; i++) await browser.post(SIGN_IN, { code: 'x' })
  const answer = await browser.post(SIGN_IN, { code: 'x' })
  t.equal(answer.statusCode, 429)
  t.match(textOf(answer), 'Too many attempts')
})

t.test(
  'a refused code leaves a line in the trail, without the code, and at most 20 in a minute',
  async (t) => {
    const server = await withRealm(t)
    const tries = async (count: number) => {
      for (let n = 0; n < count; n++)
        await t.rejects(server.operations.portal.signInWithLink('acme', `guess ${n}`, '203.0.113.7'), {
          code: 'link_invalid',
        })
      return server.operations.audit.list(TESTER, 'acme', { limit: 100, action: 'portal.sign-in' })
    }
    const { items } = await tries(25)
    t.equal(items.length, 20)
    t.match(items[0], {
      outcome: 'refused',
      actor: { kind: 'portal', id: 'unknown', address: '203.0.113.7' },
      details: { code: 'link_invalid' },
    })
    t.notMatch(JSON.stringify(items), 'guess')
    server.clock.advance(60)
    t.equal((await tries(1)).items.length, 21)
    await t.rejects(server.operations.portal.signInWithLink('nobody', 'x', '203.0.113.7'), {
      code: 'not_found',
    })
  },
)

t.test('a refused sign-in stays refused though the trail cannot be written', async (t) => {
  const server = await withRealm(t)
  await queryOf(server, 'alter table audit_events rename to gone')
  t.equal((await new Browser(server).post(SIGN_IN, { code: 'x' })).statusCode, 403)
})

t.test('without a provider there is no single sign-on', async (t) => {
  const server = await withRealm(t)
  const browser = new Browser(server)
  t.notMatch((await browser.get(SIGN_IN)).body, 'single sign-on')
  t.equal((await browser.get(`${SIGN_IN}/sso`)).statusCode, 404)
  t.equal((await browser.get('/portal/_callback')).statusCode, 404)
})
