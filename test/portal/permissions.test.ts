import t from 'tap'
import { adminOf, Browser, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

async function signedIn(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const here = `/portal/acme/service-accounts/${account.clientId}/permissions`
  return { server, browser: await adminOf(server, 'acme'), here, clientId: account.clientId }
}

function rolesOf({ operations }: TestServer, clientId: string) {
  return operations.accounts.find(TESTER, 'acme', clientId).then(({ roles }) => roles)
}

async function save(browser: Browser, here: string, roles: readonly string[]) {
  const { body } = await browser.get(here)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const [, version = ''] = /name="version" value="([^"]+)"/.exec(body) ?? []
  const fields = new URLSearchParams(roles.map((role): [string, string] => ['role', role]))
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
  await server.operations.accounts.update(TESTER, 'acme', clientId, { roles: ['operate'] })
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const late = await browser.post(`${here}/roles`, { form_token, version: '1', role: 'manage' })
  t.equal(late.statusCode, 409)
  t.match(textOf(late), 'Changed meanwhile')
  t.same(await rolesOf(server, clientId), ['operate'])
})

t.test('a platform administrator’s role is kept in sight, and only the platform handles it', async (t) => {
  const { server } = await signedIn(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
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
  await server.operations.accounts.delete(TESTER, 'acme', clientId)
  t.equal((await browser.get(here)).statusCode, 404)
  await t.rejects(server.operations.tokens.preview(TESTER, 'acme', clientId), { code: 'not_found' })
  t.equal((await new Browser(server).get(here)).statusCode, 303)
})

t.test('a role is granted on a device that is searched for, and taken away again', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t, {
    roles: ['deployer'],
    resourceTypes: ['site'],
  })
  const { operations } = server
  await operations.resources.put(TESTER, 'acme', { type: 'site', id: 'lyon' })
  t.match(textOf(await browser.get(`${here}?find=lyon`)), 'lyon site view')
  await operations.resources.put(TESTER, 'acme', {
    type: 'device_group',
    id: 'eu',
    name: 'Edge, Europe',
  })
  for (let i = 0; i < 12; i++)
    await operations.resources.put(TESTER, 'acme', {
      type: 'device',
      id: `gw-${i}`,
      name: `Gateway ${i}`,
    })
  t.match(textOf(await browser.get(here)), 'No grants.')
  t.match(textOf(await browser.get(`${here}?find=nothing`)), 'No device or device group has “ nothing ”')
  t.match(textOf(await browser.get(`${here}?find=gw-`)), /These are the first 10\..* Search on/)
  const found = textOf(await browser.get(`${here}?find=EUROPE`))
  t.match(found, 'Edge, Europe Device group · eu view operate manage deployer Grant')
  const add = `${here}/grants/add`
  const answer = await browser.submit(`${here}?find=europe`, add, { role: 'deployer' })
  t.equal(answer.headers.location, `${here}?done=granted&find=europe#grants`)
  const text = textOf(await browser.get(here))
  t.match(
    text,
    '"authorization_details": [ { "type": "device_group", "identifier": "eu", "privileges": [ "deployer" ] } ]',
  )
  t.match(text, 'Edge, Europe Device group · eu deployer Remove')
  const removed = await browser.submit(here, `${here}/grants/remove`)
  t.equal(removed.headers.location, `${here}?done=removed#grants`)
  t.same((await operations.grants.list(TESTER, 'acme', clientId, { limit: 10 })).items, [])
  const again = await browser.submit(`${here}?find=europe`, add, { role: 'account-admin' })
  t.equal(again.statusCode, 400)
  t.equal((await browser.submit(`${here}?find=europe`, add, { role: 'view', id: 'gone' })).statusCode, 400)
})

t.test('many grants come in pages, and a token that cannot carry them says so', async (t) => {
  const { server, browser, here, clientId } = await signedIn(t)
  const grants = Array.from({ length: 60 }, (_, i) => ({
    role: 'view',
    type: 'device',
    id: `d${i}-${'x'.repeat(60)}`,
  }))
  await server.operations.resources.import(
    TESTER,
    'acme',
    grants.map(({ type, id }) => ({ type, id })),
  )
  await server.operations.grants.replace(TESTER, 'acme', clientId, grants)
  const { body } = await browser.get(here)
  t.match(body, 'authorization_details_omitted')
  const [, next = ''] = /href="(\?after[^"]*)#grants"/.exec(body) ?? []
  const more = await browser.get(here + next.replace('&#61;', '='))
  t.equal(more.body.split('grants/remove"').length - 1, 10)
  const viewer = await viewerOf(server, 'acme')
  t.notMatch((await viewer.get(here)).body, 'grants/remove')
})

t.test(
  'of very many grants each is found, told as granted, and taken away without losing the place',
  async (t) => {
    const { server, browser, here, clientId } = await signedIn(t)
    const grants = Array.from({ length: 120 }, (_, i) => ({
      role: 'view',
      type: 'device',
      id: `d${String(i).padStart(3, '0')}-${'x'.repeat(40)}`,
    }))
    const devices = grants.map(({ type, id }) => ({ type, id }))
    await server.operations.resources.import(TESTER, 'acme', devices)
    await server.operations.grants.replace(TESTER, 'acme', clientId, grants)
    const first = await browser.get(here)
    const text = textOf(first)
    t.match(text, /Grant a role on .* 120 grants: show those on .* Remove/, 'searches are above the grants')
    t.match(text, 'Its grants do not fit into a token, where they may take 4 KiB')
    t.notMatch(text, 'Back')

    const link = ({ body }: typeof first, label: string) => {
      const links = [...body.matchAll(/href="(\?[^"]*)#grants">([^<]*)/g)]
      const [, query = ''] = links.find(([, , words]) => words === label) ?? []
      return here + query.replaceAll('&#61;', '=').replaceAll('&#38;', '&')
    }
    const second = await browser.get(link(first, 'More'))
    t.match(textOf(second), /d050-.* Back More/)
    const third = await browser.get(link(second, 'More'))
    t.match(textOf(third), /d100-.* Back/)
    t.match(textOf(await browser.get(link(third, 'Back'))), 'd050-')
    t.match(textOf(await browser.get(link(await browser.get(link(third, 'Back')), 'Back'))), 'd000-')

    const removed = await browser.submit(link(first, 'More'), `${here}/grants/remove`)
    const after = await browser.get(removed.headers.location as string)
    t.match(textOf(after), '119 grants')
    t.match(textOf(after), 'd051-', 'it is the second page still')
    t.match(
      after.body,
      /<section class="card" ><h2>On devices and device groups<\/h2>\s*<div id="grants" tabindex="-1">/,
    )
    t.match(removed.headers.location, /#grants$/)

    const filtered = textOf(await browser.get(`${here}?filter=D099`))
    t.match(filtered, 'd099-')
    t.notMatch(filtered, 'd098-')
    t.match(textOf(await browser.get(`${here}?filter=none`)), 'It has no grant on what has “ none ”')

    const hits = await browser.get(`${here}?find=d001-&filter=d00`)
    t.match(textOf(hits), 'has view')
    const again = await browser.submit(`${here}?find=d001-&filter=d00`, `${here}/grants/add`, {
      role: 'view',
    })
    t.equal(again.headers.location, `${here}?done=had&find=d001-&filter=d00#grants`)
    t.match(textOf(await browser.get(`${here}?done=had`)), 'It already has that role there')
  },
)
