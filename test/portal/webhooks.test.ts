import t, { type Test } from 'tap'
import { adminOf, Browser, hiddenFields, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const PAGE = '/portal/acme/webhooks'
const URL = 'https://ops.example.com/mintmark'

async function acme(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const webhooks = () => server.operations.webhooks.list(TESTER, 'acme')
  const sendAll = async () => {
    await server.operations.webhookSender.sendDue()
    await server.operations.webhookSender.idle()
  }
  return { server, webhooks, sendAll, browser: await adminOf(server, 'acme') }
}

/** A form with every event ticked, as the page has it. */
async function add(browser: Browser, fields: Record<string, string> = {}) {
  return browser.submit(`${PAGE}/add`, `${PAGE}/add`, { url: URL, events: 'secret.leaked', ...fields })
}

t.test('a web hook is added, tested, changed, paused, enabled and deleted', async (t) => {
  const { browser, webhooks, sendAll } = await acme(t)
  t.match(textOf(await browser.get(PAGE)), 'No web hooks yet')
  const added = await add(browser, { description: 'On <call>' })
  const here = String(added.headers.location).replace('?done=added', '')
  t.match(await webhooks(), [
    { url: URL, description: 'On <call>', events: ['secret.leaked'], enabled: true },
  ])
  t.match(textOf(await browser.get(added.headers.location as string)), /is added.*On <call>/)
  t.match(textOf(await browser.get(PAGE)), /mintmark On <call> 1 Enabled/)

  await browser.submit(here, `${here}/test`)
  t.match(textOf(await browser.get(here)), /ping Waiting 0/)
  await sendAll()
  const page = await browser.get(here)
  t.match(textOf(page), /ping Failed the name of the server was not found 1 Send again : ping/)
  const [, again = ''] = /action="([^"]*\/again)"/.exec(page.body) ?? []
  t.match((await browser.submit(here, again)).headers.location, /done=again/)
  t.match(textOf(await browser.get(here)), /ping Waiting/)

  await browser.submit(here, here, { url: `${URL}/2`, events: 'limit.reached', description: '' })
  t.match(await webhooks(), [{ url: `${URL}/2`, description: '', events: ['limit.reached'] }])
  await browser.submit(here, `${here}/pause`)
  const paused = await browser.get(here)
  t.match(textOf(paused), /Paused/)
  t.notMatch(paused.body, `${here}/test`, 'a paused one is sent no test')
  await browser.submit(here, `${here}/enable`)
  t.match(await webhooks(), [{ enabled: true }])
  t.match(textOf(await browser.get(`${here}/delete`)), 'Waiting deliveries are not sent')
  const deleted = await browser.submit(`${here}/delete`, `${here}/delete`)
  t.match(textOf(await browser.get(deleted.headers.location as string)), 'is deleted, with its deliveries')
  t.same(await webhooks(), [])
  t.equal((await browser.get(here)).statusCode, 404)
})

t.test('what is refused comes back with what was typed', async (t) => {
  const { browser, webhooks } = await acme(t)
  for (const url of ['http://ops.example.com/', 'https://10.0.0.1/x"<b>', 'nonsense']) {
    const answer = await add(browser, { url })
    t.equal(answer.statusCode, 400, url)
    t.match(answer.body, /aria-invalid="true"/)
    t.match(answer.body, /value="(http|nonsense)/)
  }
  const none = await browser.submit(`${PAGE}/add`, `${PAGE}/add`, { url: URL })
  t.equal(none.statusCode, 400)
  t.match(textOf(none), 'events must have at least one event')
  t.same(await webhooks(), [])
})

t.test('what two administrators change at once is not lost', async (t) => {
  const { server, browser, webhooks } = await acme(t)
  const here = String((await add(browser)).headers.location).split('?')[0] as string
  const fields = { ...hiddenFields((await browser.get(here)).body, here), url: URL, events: 'limit.reached' }
  const [{ id } = { id: '' }] = await webhooks()
  await server.operations.webhooks.update(TESTER, 'acme', id, { description: 'Pager' })
  const refused = await browser.post(here, fields)
  t.equal(refused.statusCode, 409)
  t.match(textOf(refused), /Nothing was saved: another administrator changed it meanwhile.*Pager/)
  t.match(refused.body, 'Save mine anyway')
  t.match(await webhooks(), [{ description: 'Pager', events: ['secret.leaked'] }])
})

t.test('what the server paused says why, and an address that fails since when', async (t) => {
  const { server, browser, sendAll } = await acme(t)
  const here = String((await add(browser, { events: 'signing_key.revoked' })).headers.location).split(
    '?',
  )[0] as string
  const { kid } = await server.operations.signingKeys.rotate(TESTER, 'acme')
  await server.operations.signingKeys.revoke(TESTER, 'acme', kid)
  await sendAll()
  t.match(textOf(await browser.get(here)), /No attempt has succeeded since just now.*Next attempt/)
  for (let n = 0; n < 9; n++) {
    server.clock.advance(105_000)
    await sendAll()
  }
  const signedIn = await adminOf(server, 'acme')
  t.match(textOf(await signedIn.get(here)), 'The server paused it: no attempt has succeeded for three days')
  t.match(textOf(await signedIn.get(PAGE)), 'Paused by the server')
})

t.test('a viewer sees web hooks and deliveries, and changes nothing', async (t) => {
  const { server, browser } = await acme(t)
  const here = String((await add(browser)).headers.location).split('?')[0] as string
  await browser.submit(here, `${here}/test`)
  const viewer = await viewerOf(server, 'acme')
  for (const page of [PAGE, here]) {
    const { body, statusCode } = await viewer.get(page)
    t.equal(statusCode, 200)
    t.notMatch(body, /action="\/portal\/acme\/webhooks/)
    t.notMatch(body, /webhooks\/(add|[^"]*\/delete)"/)
  }
  for (const question of [`${PAGE}/add`, `${here}/delete`])
    t.equal((await viewer.get(question)).statusCode, 403)
  const stranger = new Browser(server)
  t.equal((await stranger.get(here)).statusCode, 303)
})
