import t from 'tap'
import { bound, testPlatform, trust } from '../support/platform.ts'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/trusted-issuers'
const EXPLAIN = `${LIST}/explain`

async function place(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', {})
  const platform = testPlatform(server)
  const id = await trust(server, platform)
  const browser = await adminOf(server, 'acme')
  const explain = (fields: Record<string, string>) => browser.submit(EXPLAIN, EXPLAIN, fields)
  return { server, platform, id, browser, explain }
}

t.test('a token is explained step by step, and is not in the page', async (t) => {
  const { server, platform, id, browser, explain } = await place(t)
  const { clientId } = await bound(server, id)
  t.match((await browser.get(LIST)).body, EXPLAIN)
  const right = platform.token()
  const accepted = await explain({ token: ` ${right}\r\n` })
  t.equal(accepted.statusCode, 200)
  t.match(textOf(accepted), `The token is accepted as account ${clientId}.`)
  t.match(
    textOf(accepted),
    /expiry ok found \d+ \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\).*lifetime ok found 3600 seconds/,
  )
  t.equal((await explain({ token: platform.token({ exp: 9e14, iat: -9e14, nbf: 9e14 }) })).statusCode, 200)
  t.match(textOf(accepted), /signature ok.*1 of 1 rules hold.*sub is workload ok/)
  const wrong = platform.token({ sub: '<b>other', aud: 'https://other.example' })
  const refused = await explain({ token: wrong, client_id: clientId })
  t.equal(refused.statusCode, 200)
  t.match(
    textOf(refused),
    /The token is refused: aud is missing.*audience wrong found https:\/\/other.example expected/,
  )
  t.match(textOf(refused), 'sub is workload wrong')
  t.notMatch(refused.body, '<b>other')
  t.match(refused.body, `value="${clientId}"`)
  for (const [page, token] of [
    [accepted, right],
    [refused, wrong],
  ] as const) {
    t.notMatch(page.body, token.split('.')[2] as string)
    t.match(page.body, `data-settle-at="${EXPLAIN}"`)
  }
  t.match(textOf(await explain({ token: 'a.b' })), 'three parts of base64url')
})

t.test('a form without a token is told so', async (t) => {
  const { explain } = await place(t)
  for (const [fields, message] of [
    [{ token: ' ' }, 'Paste the token of the platform.'],
    [{ token: 'x'.repeat(20_001) }, 'A token has 20000 characters at most here.'],
    [{ token: 'x', client_id: 'x'.repeat(65) }, 'A client_id has 64 characters at most.'],
  ] as const) {
    const answer = await explain(fields)
    t.equal(answer.statusCode, 400)
    t.match(textOf(answer), message)
  }
})

t.test('viewers test tokens too, and nobody more than 60 a minute', async (t) => {
  const { server, platform, id } = await place(t)
  await bound(server, id)
  const viewer = await viewerOf(server, 'acme')
  const page = await viewer.get(EXPLAIN)
  const form_token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] as string
  const ask = () => viewer.post(EXPLAIN, { form_token, token: platform.token() })
  for (let n = 0; n < 60; n++) t.equal((await ask()).statusCode, 200)
  const late = await ask()
  t.equal(late.statusCode, 429)
  t.match(textOf(late), 'Too many attempts')
})

t.test('an issuer shows its last refusals, with what strangers said as text', async (t) => {
  const { server, id, browser } = await place(t)
  const here = `${LIST}/${id}`
  t.match(textOf(await browser.get(here)), 'No token of it was refused.')
  const realm = await server.operations.realms.find(TESTER, 'acme')
  const refused = { realmId: realm.id, issuerId: id, address: '198.51.100.7' }
  server.operations.issuerRefusals.note({
    ...refused,
    reason: 'expired',
    subject: '<b>x',
    clientId: undefined,
  })
  server.clock.advance(60)
  server.operations.issuerRefusals.note({
    ...refused,
    reason: 'audience',
    subject: undefined,
    clientId: 'sa_1',
  })
  await server.operations.issuerRefusals.write()
  const page = await browser.get(here)
  t.match(
    textOf(page),
    /aud is missing, or has a value.*audience.*sa_1 198\.51\.100\.7.*exp has passed expired.*<b>x/,
  )
  t.notMatch(page.body, '<b>x')
  t.match(textOf(await (await viewerOf(server, 'acme')).get(here)), 'exp has passed')
})

t.test('an issuer shows which keys were fetched of it, and why they cannot be', async (t) => {
  const { server, browser, platform } = await place(t)
  const keys = { source: 'jwks_uri', jwksUri: 'https://127.0.0.1:9443/jwks' } as const
  const made = await server.operations.trustedIssuers.create(TESTER, 'acme', {
    issuer: 'https://f.example',
    keys,
  })
  const here = `${LIST}/${made.issuer.id}`
  t.match(textOf(await browser.get(here)), 'They are fetched when the first token comes.')
  // The address is one of this machine, which is refused without a connection.
  const token = platform.token({ iss: 'https://f.example' })
  t.match(textOf(await browser.submit(EXPLAIN, EXPLAIN, { token })), /key wrong/)
  t.match(textOf(await browser.get(here)), /They could not be fetched yet.*It cannot be fetched since/)
})
