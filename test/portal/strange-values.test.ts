import t, { type Test } from 'tap'
import { adminOf, hiddenFields, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const KEYS = '/portal/acme/keys'
const AUDIT = '/portal/acme/audit'

async function signedIn(t: Test, settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const browser = await adminOf(server, 'acme')
  const { form_token: formToken = '' } = hiddenFields((await browser.get(KEYS)).body, '/portal/acme/sign-out')
  return { server, browser, here: `${LIST}/${account.clientId}`, formToken }
}

t.test('an address with U+0000 in its path is that of nothing', async (t) => {
  const { browser, here, formToken } = await signedIn(t)
  const none = `${LIST}/x%00y`
  const pages = [
    '/portal/%00',
    '/portal/%00/sign-in',
    '/portal/%00/sign-in/sso',
    '/portal/%00/service-accounts',
    '/portal/acme/nothing/%00',
    '/portal/_assets/%00',
    none,
    `${none}/permissions`,
    `${none}/reset-secret`,
    `${none}/rotate-secret`,
    `${none}/disable`,
    `${none}/delete`,
    `${here}/secrets/%00/delete`,
    `${KEYS}/%00/revoke`,
  ]
  for (const page of pages) t.equal((await browser.get(page)).statusCode, 404, page)
  const actions = [
    '/portal/%00/sign-in',
    '/portal/%00/sign-out',
    none,
    `${none}/permissions/roles`,
    `${none}/permissions/grants/add`,
    `${none}/permissions/grants/remove`,
    `${none}/reset-secret`,
    `${none}/rotate-secret`,
    `${none}/enable`,
    `${none}/disable`,
    `${none}/delete`,
    `${here}/secrets/%00/delete`,
    `${KEYS}/%00/revoke`,
  ]
  for (const action of actions)
    t.equal((await browser.post(action, { form_token: formToken })).statusCode, 404, action)
})

t.test('a question or a form with U+0000 is refused', async (t) => {
  const { browser, here, formToken } = await signedIn(t)
  const pages = [
    '/portal?realm=%00',
    '/portal/_callback?code=%00',
    '/portal/acme/sign-in?next=%00',
    `${LIST}?after=%00`,
    `${LIST}?search=x%00y`,
    `${LIST}?search=x&search=x%00y`,
    `${AUDIT}?action=x%00y`,
    `${AUDIT}?actor=x%00y`,
    `${AUDIT}?target=x%00y`,
    `${AUDIT}?after=%00`,
    `${AUDIT}/export?target=x%00y`,
    `${here}/permissions?find=x%00y`,
    `${here}/permissions?after=a/b/%00`,
    '/portal/acme/try-it?client_id=%00',
  ]
  for (const page of pages) {
    const answer = await browser.get(page)
    t.equal(answer.statusCode, 400, page)
    t.match(textOf(answer), 'has a character that is not allowed in text')
  }
  const forms: [string, Record<string, string>][] = [
    ['/portal/acme/sign-in', { code: '\0' }],
    [`${LIST}/create`, { form_id: '1', name: 'x\0' }],
    [here, { name: 'x', description: '\0', version: '1' }],
    [`${here}/permissions/roles`, { role: '\0', version: '1' }],
    [`${here}/permissions/grants/add`, { type: 'device', id: '\0', role: 'view' }],
    ['/portal/acme/try-it', { client_id: '\0', client_secret: '\0' }],
  ]
  for (const [action, fields] of forms) {
    const answer = await browser.post(action, { form_token: formToken, ...fields })
    t.equal(answer.statusCode, 400, action)
  }
})

t.test('names such as __proto__ are ordinary names', async (t) => {
  const { server, browser, here } = await signedIn(t, {
    roles: ['constructor'],
    resourceTypes: ['constructor'],
  })
  const known = { type: 'constructor', id: 'c1', name: 'Found' }
  await server.operations.resources.put(TESTER, 'acme', known)
  for (const page of [LIST, KEYS, here, `${here}/permissions`]) {
    const plain = textOf(await browser.get(page))
    for (const done of ['__proto__', 'constructor', 'toString']) {
      const answer = await browser.get(`${page}?done=${done}`)
      t.equal(answer.statusCode, 200, `${page}?done=${done}`)
      t.equal(textOf(answer).length, plain.length)
    }
  }
  t.match((await browser.get(`${AUDIT}?action=__proto__`)).body, '<option value="__proto__" selected>')
  const text = textOf(await browser.get(`${here}/permissions?find=found`))
  t.match(text, 'constructor A role of this realm.')
  t.match(text, 'Found constructor · c1')
  t.notMatch(text, 'native code')
})
