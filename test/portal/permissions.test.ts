import t from 'tap'
import { adminOf, Browser, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

async function signedIn(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.createRealm(TESTER, 'acme', settings)
  const { account } = await server.operations.createServiceAccount(TESTER, 'acme', { name: 'CI' })
  const here = `/portal/acme/service-accounts/${account.clientId}/permissions`
  return { server, browser: await adminOf(server, 'acme'), here, clientId: account.clientId }
}

function rolesOf({ operations }: TestServer, clientId: string) {
  return operations.findServiceAccount(TESTER, 'acme', clientId).then(({ roles }) => roles)
}

async function save(browser: Browser, here: string, roles: readonly string[]) {
  const { body } = await browser.get(here)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const [, version = ''] = /name="version" value="([^"]+)"/.exec(body) ?? []
  const fields = new URLSearchParams([...roles.map((role) => ['role', role])])
  fields.set('form_token', form_token)
  fields.set('version', version)
  return browser.post(`${here}/roles`, fields)
}

t.test('roles of the whole account are given and taken, and the next token says so', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t, { roles: ['deployer'] })
  t.match(textOf(await browser.get(here)), '"roles": [ "view" ]')
  const saved = await save(browser, here, ['view', 'deployer'])
  const text = textOf(await browser.get(saved.headers.location as string))
  t.match(text, 'Saved. The next token says so.')
  t.match(text, '"roles": [ "view", "deployer" ]')
  t.same(await rolesOf(server, clientId), ['view', 'deployer'])
})

t.test('a role that the realm has not, or that is not the actor’s to give, is refused', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t)
  t.equal((await save(browser, here, ['unknown'])).statusCode, 400)
  t.equal((await save(browser, here, ['platform-admin'])).statusCode, 403)
  t.same(await rolesOf(server, clientId), ['view'])
})

t.test('roles that somebody else changed meanwhile are not overwritten', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t)
  const { body } = await browser.get(here)
  await server.operations.updateServiceAccount(TESTER, 'acme', clientId, { roles: ['operate'] })
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const late = await browser.post(`${here}/roles`, { form_token, version: '1', role: 'manage' })
  t.equal(late.statusCode, 409)
  t.match(textOf(late), 'Changed meanwhile')
  t.same(await rolesOf(server, clientId), ['operate'])
})

t.test('a platform administrator’s role is kept in sight, and only the platform handles it', async (t) => {
  const { server } = await signedIn(t)
  await server.operations.bootstrapAdministrator('root', 'a secret of the platform')
  const browser = await adminOf(server, 'system')
  const page = await browser.get('/portal/system/service-accounts/root/permissions')
  t.match(page.body, 'type="hidden" name="role" value="platform-admin"')
})

t.test('a viewer sees roles and token, without a form', async (t) => {
  const { server, here } = await signedIn(t)
  const { body } = await (await viewerOf(server, 'acme')).get(here)
  t.match(body, 'What its token will contain')
  t.notMatch(body, 'Save roles')
})

t.test('an account that is not there has no permissions', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t)
  await server.operations.deleteServiceAccount(TESTER, 'acme', clientId)
  t.equal((await browser.get(here)).statusCode, 404)
  await t.rejects(server.operations.previewAccessToken(TESTER, 'acme', clientId), { code: 'not_found' })
  t.equal((await new Browser(server).get(here)).statusCode, 303)
})
