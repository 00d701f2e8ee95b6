import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const URL_PATH = '/realms/acme/protocol/openid-connect/token'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('a client gets a token that the published keys verify', async (t) => {
  const { app, operations, clock } = await testServer(t)
  await operations.createRealm(TESTER, 'acme')
  const { account, clientSecret } = await operations.createServiceAccount(TESTER, 'acme', { name: 'CI' })

  const answer = await app.inject({
    method: 'POST',
    url: URL_PATH,
    headers: FORM,
    payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  })

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const body = answer.json()
  const keys = createLocalJWKSet((await app.inject('/realms/acme/protocol/openid-connect/certs')).json())
  const { payload, protectedHeader } = await jwtVerify(body.access_token, keys, {
    issuer: `${PUBLIC_URL}/realms/acme`,
    audience: `${PUBLIC_URL}/realms/acme`,
    typ: 'at+jwt',
    currentDate: clock.now,
  })
  t.equal(payload.sub, account.clientId)
  t.equal(protectedHeader.alg, 'ES256')
})
