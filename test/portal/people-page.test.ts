import t, { type Test } from 'tap'
import { adminOf, Browser, hiddenFields, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const PEOPLE = '/portal/acme/people'

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  return { server, browser: await adminOf(server, 'acme') }
}

t.test('an Account Admin sees who is signed in, and ends one session or all others', async (t) => {
  const { server, browser } = await acme(t)
  const others: Browser[] = []
  for (const [person, access] of [
    ['Ann <b>', 'administer'],
    ['Vera', 'view'],
    ['Bob', 'administer'],
  ] as const) {
    const { url } = await server.operations.portal.createLink(TESTER, 'acme', { person, access })
    const other = new Browser(server)
    await other.post('/portal/acme/sign-in', { code: url.split('#')[1] as string })
    others.push(other)
  }
  const page = await browser.get(PEOPLE)
  t.match(textOf(page), 'Signed in: 4')
  t.match(
    textOf(page),
    /Ann <b> Account Admin by one-time link: link of cli:tester for Ann <b> from 127\.0\.0\.1/,
  )
  t.match(textOf(page), /Vera Viewer/)
  t.equal(page.body.match(/>You</g)?.length, 1)
  const [, end = ''] =
    /href="([^"]*\/sessions\/[^"]*\/end)" aria-label="End the session of Vera"/.exec(page.body) ?? []
  t.match(textOf(await browser.get(end)), 'End the session of Vera')
  const ended = await browser.submit(end, end)
  t.match(textOf(await browser.get(ended.headers.location as string)), 'The session is ended')
  t.equal((await others[1]?.get(PEOPLE))?.statusCode, 303)
  t.equal((await others[0]?.get(PEOPLE))?.statusCode, 200)
  t.equal((await browser.get(end)).statusCode, 404)

  await browser.submit(`${PEOPLE}/end-others`, `${PEOPLE}/end-others`)
  for (const other of others) t.equal((await other.get(PEOPLE)).statusCode, 303)
  t.equal((await browser.get(PEOPLE)).statusCode, 200, 'their own goes on')
  const { items } = await server.operations.audit.list(TESTER, 'acme', {
    action: 'portal.end-sessions',
    limit: 9,
  })
  t.equal(items.length, 3)
  t.match(items[0]?.actor, { kind: 'portal' })
})

t.test('a one-time link is made for a person, is shown once, and lets in as it says', async (t) => {
  const { server, browser } = await acme(t)
  for (const access of ['view', 'administer']) {
    const answer = await browser.submit(PEOPLE, `${PEOPLE}/link`, { person: 'Ann', access })
    t.equal(answer.statusCode, 200)
    const [, code = ''] = /sign-in#([\w-]{43})/.exec(answer.body) ?? []
    t.notMatch((await browser.get(PEOPLE)).body, code)
    t.notOk(server.log.some((line) => line.includes(code)))
    const ann = new Browser(server)
    t.equal((await ann.post('/portal/acme/sign-in', { code })).statusCode, 303)
    t.equal((await ann.get('/portal/acme/service-accounts/create')).statusCode, access === 'view' ? 403 : 200)
  }
  for (const person of ['', ' ', 'a\u0007b', 'x'.repeat(101)])
    t.equal((await browser.submit(PEOPLE, `${PEOPLE}/link`, { person, access: 'view' })).statusCode, 400)
  const odd = await browser.submit(PEOPLE, `${PEOPLE}/link`, { person: 'Odd', access: 'root' })
  t.match(textOf(odd), 'as an Account Admin')
  const { items } = await server.operations.audit.list(TESTER, 'acme', { action: 'portal.link', limit: 1 })
  t.match(items[0], { actor: { kind: 'portal' }, details: { person: 'Odd' } })
})

t.test('a viewer sees neither sessions nor the way to make a link', async (t) => {
  const { server } = await acme(t)
  const viewer = await viewerOf(server, 'acme')
  const list = await viewer.get('/portal/acme/service-accounts')
  t.notMatch(list.body, 'href="/portal/acme/people"')
  t.equal((await viewer.get(PEOPLE)).statusCode, 403)
  const { form_token = '' } = hiddenFields(list.body, '/portal/acme/sign-out')
  for (const path of ['link', 'end-others', 'sessions/x/end'])
    t.equal((await viewer.post(`${PEOPLE}/${path}`, { form_token, person: 'A' })).statusCode, 403, path)
  t.equal((await server.operations.portal.listSessions(TESTER, 'acme')).length, 2)
})
