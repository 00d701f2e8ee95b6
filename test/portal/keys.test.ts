import t from 'tap'
import { adminOf, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const KEYS = '/portal/acme/keys'

async function signedIn(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  return { server, browser: await adminOf(server, 'acme') }
}

t.test('the current key is shown with its algorithm and its next rotation', async (t) => {
  const { server, browser } = await signedIn(t)
  const [key] = await server.operations.signingKeys.list(TESTER, 'acme')
  const text = textOf(await browser.get(KEYS))
  t.match(text, key?.kid)
  t.match(text, /ES256 current Signs since just now [\d-]+ [\d:]+ UTC Rotates in 3 months [\d-]+ [\d:]+ UTC/)
  t.match(text, 'replaced every 90 days, and the next one is published 1 day before it signs')
  t.match(text, 'https://auth.test/realms/acme/protocol/openid-connect/certs')
})

t.test('Rotate publishes the next key, which signs once every cache has it', async (t) => {
  const settings = { keyRotationSeconds: 7200, keyPublishSeconds: 600, jwksMaxAgeSeconds: 300 }
  const { server, browser } = await signedIn(t, settings)
  t.match(textOf(await browser.get(`${KEYS}/rotate`)), 'after 8 minutes')
  const answer = await browser.submit(`${KEYS}/rotate`, `${KEYS}/rotate`)
  const text = textOf(await browser.get(answer.headers.location as string))
  t.match(text, 'The next key is published.')
  t.match(text, 'next Signs in 7 minutes')
  t.match(text, 'replaced every 2 hours, and the next one is published 10 minutes before')
  server.clock.advance(425)
  await server.operations.signingKeys.rotateDue()
  t.match(
    textOf(await browser.get(KEYS)),
    /retired Retired just now [\d-]+ [\d:]+ UTC Published until its last token has expired/,
  )
})

t.test('Revoke drops a key at once, after a page that says what that means', async (t) => {
  const { server, browser } = await signedIn(t)
  const [key] = await server.operations.signingKeys.list(TESTER, 'acme')
  const path = `${KEYS}/${key?.kid}/revoke`
  t.match(textOf(await browser.get(path)), 'Every token that it signed is refused')
  const answer = await browser.submit(path, path)
  const text = textOf(await browser.get(answer.headers.location as string))
  t.match(text, 'The key is revoked')
  t.notMatch(text, key?.kid)
  t.equal((await browser.get(path)).statusCode, 404)
})
