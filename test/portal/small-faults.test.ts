import t from 'tap'
import { parseDescription, parseDisplayName } from '../../src/domain/service-account.ts'
import { everyPage, furnish } from '../support/every-page.ts'
import { adminOf, Browser, enterAsPlatformAdmin, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'names take the non-joiner of Persian and pasted spaces, and say which character is none',
  async (t) => {
    t.equal(parseDisplayName('می‌خواهم'), 'می‌خواهم')
    t.equal(parseDisplayName('CI\u00a0of the\u202fshop\u00a0'), 'CI of the shop')
    t.equal(parseDescription('a\u00a0b'), 'a b')
    t.throws(() => parseDisplayName('a\u200bb'), {
      message: 'A name has 1 to 100 printable characters. U+200B is none.',
    })
    t.throws(() => parseDisplayName('a\nb'), { message: /U\+000A is none/ })
    t.throws(() => parseDisplayName('x'.repeat(101)), {
      message: 'A name has 1 to 100 printable characters.',
    })
  },
)

t.test('a whole link is taken for its code', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { url } = await server.operations.portal.createLink(TESTER, 'acme')
  const answer = await new Browser(server).post('/portal/acme/sign-in', { code: ` ${url} ` })
  t.equal(answer.statusCode, 303)
})

t.test('there is no page to revoke a key that is not there', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const browser = await adminOf(server, 'acme')
  t.equal((await browser.get('/portal/acme/keys/nope/revoke')).statusCode, 404)
  const [key] = await server.operations.signingKeys.list(TESTER, 'acme')
  t.equal((await browser.get(`/portal/acme/keys/${key?.kid}/revoke`)).statusCode, 200)
})

t.test('each page of an account has a title of its own, with the realm', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const browser = await adminOf(server, 'acme')
  const here = `/portal/acme/service-accounts/${account.clientId}`
  const titles = []
  for (const path of [here, `${here}/permissions`, `${here}/workload-identities`])
    titles.push(/<title>([^<]*)/.exec((await browser.get(path)).body)?.[1])
  t.same(
    titles,
    ['Overview', 'Permissions', 'Workload identities'].map((tab) => `CI · ${tab} · acme · Mintmark`),
  )
})

t.test('no page says account where the realm is meant', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const furnished = await furnish(server)
  const browser = await adminOf(server, 'acme')
  await enterAsPlatformAdmin(server, browser)
  for (const page of await everyPage(server, furnished)) {
    const text = textOf(await browser.get(page))
    t.notMatch(
      text,
      /\b(whole|within the|in the|unique within [^.]*) account\b(?! of)|\bthis server.s account/i,
      page,
    )
    t.notMatch(text, /\b(your|the organi[sz]ation.s) account\b/i, page)
  }
})
