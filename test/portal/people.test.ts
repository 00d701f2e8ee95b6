import t from 'tap'
import { portalTokenHash } from '../../src/crypto/portal-token.ts'
import { Browser, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'

async function acme(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  return server
}

async function signIn(server: TestServer, request: { person?: string; access?: 'view' | 'administer' }) {
  const { url } = await server.operations.portal.createLink(TESTER, 'acme', request)
  const browser = new Browser(server)
  const answer = await browser.post('/portal/acme/sign-in', { code: url.split('#')[1] as string })
  return { browser, answer }
}

t.test('two people who came by links are told apart in the portal, the trail and the list', async (t) => {
  const server = await acme(t)
  const { operations } = server
  const [ann, bob] = [await signIn(server, { person: 'Ann' }), await signIn(server, { person: 'Bob' })]
  t.match(textOf({ ...(await ann.browser.get(LIST)) }), 'Service Accounts')
  t.match((await ann.browser.get(LIST)).body, '>Ann</bdi>')
  const create = `${LIST}/create`
  await bob.browser.submit(create, create, { name: 'CI' })
  const { items } = await operations.audit.list(TESTER, 'acme', {
    action: 'service-account.create',
    limit: 1,
  })
  t.equal(items[0]?.actor.id, 'link of cli:tester for Bob')
  t.match(textOf(await ann.browser.get('/portal/acme/audit?actor=bob')), 'Create a service account')

  const sessions = await operations.portal.listSessions(TESTER, 'acme')
  t.same(sessions.map(({ displayName }) => displayName).sort(), ['Ann', 'Bob'])
  const id = sessions.find(({ displayName }) => displayName === 'Ann')?.id as string
  t.equal(await operations.portal.endSessions(TESTER, 'acme', undefined, id), 1)
  t.equal((await ann.browser.get(LIST)).statusCode, 303)
  t.equal((await bob.browser.get(LIST)).statusCode, 200, 'the other one goes on')
  for (const unknown of [id, '', '%', 'x'.repeat(500)])
    await t.rejects(operations.portal.endSessions(TESTER, 'acme', undefined, unknown), { code: 'not_found' })
})

t.test('the link of a viewer lets a viewer in, who changes nothing', async (t) => {
  const server = await acme(t)
  const { browser } = await signIn(server, { person: 'Vera', access: 'view' })
  const list = await browser.get(LIST)
  t.match(list.body, 'Viewer, read only')
  t.notMatch(list.body, 'service-accounts/create')
  t.equal((await browser.get(`${LIST}/create`)).statusCode, 403)
})

t.test('a version that knows no viewers does not find their links', async (t) => {
  const server = await acme(t)
  const { url } = await server.operations.portal.createLink(TESTER, 'acme', { access: 'view' })
  const code = url.split('#')[1] as string
  const { default: pg } = await import('pg')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  const { rows } = await client.query('select code_hash from portal_links')
  await client.end()
  t.equal(rows.length, 1)
  t.not(rows[0]?.code_hash, portalTokenHash(code))
})

t.test('a name that cannot be shown is refused, and no name is none', async (t) => {
  const server = await acme(t)
  for (const person of ['', ' ', 'a\nb', 'x'.repeat(101)])
    await t.rejects(server.operations.portal.createLink(TESTER, 'acme', { person }), { code: 'invalid' })
  const { browser } = await signIn(server, {})
  t.match((await browser.get(LIST)).body, '>Account Admin</bdi>')
})
