import t from 'tap'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const server = await testServer(t)
const { operations } = server
await operations.realms.create(TESTER, 'acme')
const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'ci' })
const PAGE = '/portal/acme/shadow'

const ask = (client_id: string) =>
  server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id,
      client_secret: clientSecret,
    }).toString(),
  })

t.test('an administrator turns shadow mode on, sees what would have failed, and turns it off', async (t) => {
  const browser = await adminOf(server, 'acme')
  t.match(textOf(await browser.get('/portal/acme/try-it')), 'shadow mode')
  t.match(textOf(await browser.get(PAGE)), /State Off .*Nothing was counted yet/)
  const turned = await browser.submit(`${PAGE}/change`, `${PAGE}/change`)
  t.equal(turned.headers.location, `${PAGE}?done=on`)
  t.equal((await ask(account.clientId)).statusCode, 204)
  await ask('<b>plant</b>')
  await ask('plant-7')
  await operations.shadow.write()
  const page = textOf(await browser.get(PAGE))
  t.match(page, 'State On: it gives no tokens')
  t.match(page, 'Would have got a token 1 requests of 1 service accounts Would have failed 2 requests')
  t.match(page, 'plant-7 No service account has this client_id unknown_client 1')
  t.match(textOf(await browser.get('/portal/acme/service-accounts')), 'This realm is in shadow mode')
  await browser.submit(`${PAGE}/reset`, `${PAGE}/reset`)
  t.match(textOf(await browser.get(`${PAGE}?done=reset`)), 'The counts are forgotten. Before a switch')
  t.match(textOf(await browser.get(PAGE)), 'Nothing was counted yet')
  await browser.submit(`${PAGE}/change`, `${PAGE}/change`)
  t.equal((await ask(account.clientId)).statusCode, 200)
})

t.test('“Try it” gives no token in shadow mode, and shows what would be in it', async (t) => {
  await operations.realms.update(TESTER, 'acme', { shadowMode: true })
  const browser = await adminOf(server, 'acme')
  const fields = { client_id: account.clientId, client_secret: clientSecret }
  const answer = await browser.submit('/portal/acme/try-it', '/portal/acme/try-it', fields)
  t.match(textOf(answer), /would have issued this token, and gave none.*"sub": "sa_/)
  t.notMatch(answer.body, 'eyJ')
  await operations.realms.update(TESTER, 'acme', { shadowMode: false })
})

t.test('a viewer sees the counts and changes nothing', async (t) => {
  const browser = await viewerOf(server, 'acme')
  const page = await browser.get(PAGE)
  t.equal(page.statusCode, 200)
  t.notMatch(page.body, 'Turn on')
  for (const path of ['change', 'reset']) {
    t.equal((await browser.get(`${PAGE}/${path}`)).statusCode, 403)
    const [, token = ''] = /name="form_token" value="([^"]*)"/.exec(page.body) ?? []
    const sent = await browser.post(`${PAGE}/${path}`, { form_token: token, shadow_mode: 'on' })
    t.equal(sent.statusCode, 403)
  }
  t.equal((await operations.realms.find(TESTER, 'acme')).shadowMode, false)
})
