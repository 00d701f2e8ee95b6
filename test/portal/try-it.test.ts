import pg from 'pg'
import t from 'tap'
import { adminOf, type Browser, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const TRY = '/portal/acme/try-it'

async function signedIn(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  return { server, browser: await adminOf(server, 'acme'), clientId: account.clientId, clientSecret }
}

function ask(browser: Browser, client_id: string, client_secret: string, scope = '') {
  return browser.submit(TRY, TRY, { client_id, client_secret, scope })
}

t.test('a client_id and its secret show the claims of a real token', async (t) => {
  const { server, browser, clientId, clientSecret } = await signedIn(t)
  t.equal((await ask(browser, clientId, clientSecret)).statusCode, 200)
  const answer = await ask(browser, clientId, ` ${clientSecret} `, 'view')
  t.equal(answer.statusCode, 200)
  const text = textOf(answer)
  t.match(text, 'A token was issued. It is valid for 300 seconds')
  t.match(text, `"sub": "${clientId}"`)
  t.match(text, '"typ": "at+jwt"')
  const [token = ''] = /ey[\w-]+\.[\w-]+\.[\w-]+/.exec(answer.body) ?? []
  t.equal((await server.operations.presentedTokens.verify(token)).account.clientId, clientId)
  t.notMatch(answer.body, clientSecret)
  t.notOk(server.log.some((line) => line.includes(clientSecret) || line.includes(token)))
})

t.test(
  'a wrong secret or scope is refused as a machine would be, and what was typed stays, but for the secret',
  async (t) => {
    const { browser, clientId, clientSecret } = await signedIn(t)
    const wrong = await ask(browser, clientId, 'mm_wrong')
    t.equal(wrong.statusCode, 400)
    t.match(textOf(wrong), 'No token: invalid_client')
    t.match(wrong.body, `value="${clientId}"`)
    t.notMatch(wrong.body, 'mm_wrong')
    t.match(textOf(await ask(browser, clientId, clientSecret, 'everything')), 'No token: invalid_scope')
    t.match(textOf(await browser.post(TRY, await fieldsOf(browser))), 'No token: invalid_client')
  },
)

t.test('guessing secrets is slowed down here too', async (t) => {
  const { browser, clientId } = await signedIn(t)
  for (let i = 0; i < 6; i++) await ask(browser, clientId, 'mm_wrong')
  const answer = await ask(browser, clientId, 'mm_wrong')
  t.equal(answer.statusCode, 429)
  t.match(textOf(answer), /Try again in \d+ seconds/)
  t.match(answer.headers['retry-after'], /^\d+$/)
})

t.test('a database that is away is no fault of the credentials', async (t) => {
  const { server, browser, clientId, clientSecret } = await signedIn(t)
  const fields = { ...(await fieldsOf(browser)), client_id: clientId, client_secret: clientSecret }
  // The session can still be read, the account cannot.
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query('begin; lock table service_accounts in access exclusive mode')
  const answer = await browser.post(TRY, fields)
  await client.end()
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '5')
  t.notMatch(answer.body, clientSecret)
})

async function fieldsOf(browser: Browser) {
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec((await browser.get(TRY)).body) ?? []
  return { form_token }
}

t.test('a database with another schema is no fault of the credentials either', async (t) => {
  const { server, browser, clientId, clientSecret } = await signedIn(t)
  const fields = await fieldsOf(browser)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query('alter table client_secrets rename column hmac to gone')
  await client.end()
  const answer = await browser.post(TRY, { ...fields, client_id: clientId, client_secret: clientSecret })
  t.equal(answer.statusCode, 503)
})
