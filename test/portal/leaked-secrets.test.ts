import t, { type Test } from 'tap'
import type { RealmSettings } from '../../src/domain/realm.ts'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const PLACE = { url: 'https://code.example/<b>.env', source: 'commit' }

async function leaked(t: Test, settings: Partial<RealmSettings> = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await server.operations.accounts.create(TESTER, 'acme', { name: 'Backup' })
  const report = (token = clientSecret) =>
    server.operations.leakedSecrets.report('acme', [{ token, ...PLACE }], '203.0.113.7')
  const browser = await adminOf(server, 'acme')
  const here = `${LIST}/${account.clientId}`
  // By a session of its own: the clock moves further than a session lasts.
  const shown = async (path: string) => {
    const answer = await (await adminOf(server, 'acme')).get(path)
    t.equal(answer.statusCode, 200, path)
    return textOf(answer)
  }
  const list = () => shown(LIST)
  const page = () => shown(here)
  return { server, browser, here, list, page, report, clientId: account.clientId }
}

t.test('an account with a leaked secret needs somebody until it has another one', async (t) => {
  const { server, browser, here, list, page, report, clientId } = await leaked(t)
  t.notMatch((await list()) + (await page()), /needs you|Leaked/)
  await report()
  server.clock.advance(1500)
  t.match(await list(), /1 account needs you CI : a secret of it was found in public 25 minutes ago/)
  t.match(await list(), 'Leaked: no secret')
  const told = await page()
  t.match(told, 'Leaked: no secret')
  t.match(
    told,
    /found in public 25 minutes ago \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\) at https:\/\/code.example\/<b>.env \(commit\)/,
  )
  t.match(told, 'It has ended')
  const [, href = ''] =
    /href="([^"]*)">Its line in the audit trail/.exec((await browser.get(here)).body) ?? []
  const line = textOf(await browser.get(href.replaceAll('&#38;', '&')))
  t.match(line, 'Leaked secret reported')
  t.match(line, clientId)

  t.notMatch(textOf(await browser.get(`${here}/reset-secret`)), /old secret|overlap/i)
  const answer = textOf(await browser.submit(`${here}/reset-secret`, `${here}/reset-secret`))
  t.match(answer, 'New secret')
  t.notMatch(answer, /old secret/i)
  t.notMatch((await list()) + (await page()), /needs you|Leaked/)
})

t.test('a leaked secret that goes on working is told until it ends', async (t) => {
  const { server, browser, here, list, page, report, clientId } = await leaked(t, {
    leakedSecretAction: 'alert',
  })
  await report()
  await report()
  t.match(await list(), '1 account needs you')
  t.match(await list(), 'Leaked: still valid')
  t.match(await page(), 'It still works')
  await browser.submit(`${here}/rotate-secret`, `${here}/rotate-secret`)
  t.match(await list(), 'Leaked: still valid')
  server.clock.advance(86_401)
  t.notMatch(await list(), /needs you|Leaked/)
  t.equal((await server.operations.leakedSecrets.listOpen(TESTER, 'acme', clientId)).length, 0)
})

t.test('the new secret of a rotation that leaked leaves one that ends, which is told', async (t) => {
  const { server, list, report, clientId } = await leaked(t)
  const { clientSecret } = await server.operations.secrets.startRotation(TESTER, 'acme', clientId)
  await report(clientSecret)
  t.match(await list(), 'Leaked: no secret')
})

t.test('a leak of an account that now has keys, or is deleted, needs nobody', async (t) => {
  const { server, list, report, clientId } = await leaked(t)
  await report()
  const authMethods = ['private_key_jwt']
  await server.operations.accounts.update(TESTER, 'acme', clientId, { authMethods })
  t.notMatch(await list(), /needs you|Leaked/)
  await server.operations.accounts.update(TESTER, 'acme', clientId, { authMethods: ['client_secret'] })
  t.match(await list(), 'Leaked: no secret')
  await server.operations.accounts.delete(TESTER, 'acme', clientId)
  t.notMatch(await list(), /needs you|Leaked/)
})

t.test('a viewer sees a leak without the way to end it', async (t) => {
  const { server, here, report } = await leaked(t)
  await report()
  const viewer = await viewerOf(server, 'acme')
  const told = await viewer.get(here)
  t.match(textOf(told), 'found in public')
  t.notMatch(told.body, 'reset-secret')
})

t.test('a rotation is offered where one valid secret is, and not while one is under way', async (t) => {
  const { browser, here, page } = await leaked(t)
  t.match(await page(), 'Rotate with overlap')
  await browser.submit(`${here}/rotate-secret`, `${here}/rotate-secret`)
  t.notMatch(await page(), 'Rotate with overlap')
  t.notMatch(textOf(await browser.get(`${here}/reset-secret`)), 'rotate with overlap')
  const again = await browser.get(`${here}/rotate-secret`)
  t.equal(again.headers.location, `${here}?done=rotating`)
  t.match(textOf(await browser.get(`${here}?done=rotating`)), 'A rotation is under way already')
})

t.test('a rotation of an account without a valid secret speaks of no old one', async (t) => {
  const { browser, here, report } = await leaked(t)
  const path = `${here}/rotate-secret`
  const { body } = await browser.get(path)
  await report()
  t.equal((await browser.get(path)).headers.location, `${here}/reset-secret`)
  const [form_token = '', form_id = ''] = ['form_token', 'form_id'].map(
    (name) => new RegExp(`name="${name}" value="([^"]+)"`).exec(body)?.[1],
  )
  const answer = textOf(await browser.post(path, { form_token, form_id, hours: '24' }))
  t.match(answer, 'New secret')
  t.notMatch(answer, /old secret/i)
})
