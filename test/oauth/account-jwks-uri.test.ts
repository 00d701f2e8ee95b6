import t, { type Test } from 'tap'
import { platformAdministrator } from '../support/admin.ts'
import { askWith, assertionClaims, keyPair, publicJwk, signAssertion } from '../support/assertion.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { type KeyServer, keyServer } from '../support/key-server.ts'
import { TESTER, testServer } from '../support/server.ts'

const ACCOUNTS = '/admin/realms/acme/service-accounts'

async function setting(t: Test) {
  const keyFetching = { networks: ['127.0.0.0/8'], ca: undefined }
  const server = await testServer(t, { keyFetching })
  await server.operations.realms.create(TESTER, 'acme')
  const ask = await platformAdministrator(server)
  const issuer = await keyServer(t, { plain: true })
  const pair = keyPair('ES256')
  const publish = (...kids: string[]) => {
    issuer.answers['/jwks'] = { keys: kids.map((kid) => ({ ...publicJwk(pair), kid, use: 'sig' })) }
  }
  publish('a')
  const made = await ask('POST', ACCOUNTS, { name: 'CI', jwks_uri: addressOf(issuer) })
  t.equal(made.status, 201, made.text)
  const { client_id: clientId } = made.body
  const { issuer: realm } = await server.operations.publishedRealms.find('acme')
  const assertion = (kid: string | undefined = 'a', by = pair) =>
    signAssertion(by, { alg: 'ES256', kid }, assertionClaims(clientId, realm, server.clock.now))
  return { server, ask, issuer, pair, publish, made, clientId, assertion }
}

const addressOf = ({ url }: KeyServer) => `${url}/jwks`

t.test('an account gets a token by a key that it publishes, and none by another', async (t) => {
  const { server, issuer, made, assertion, ask, clientId } = await setting(t)
  t.match(made.body, { auth_methods: ['private_key_jwt'], jwks_uri: addressOf(issuer) })
  t.notOk('client_secret' in made.body)
  t.equal((await askWith(server, assertion())).statusCode, 200)
  t.equal((await askWith(server, assertion(undefined))).statusCode, 200, 'without kid')
  t.equal(issuer.requests.length, 1)
  const forged = await askWith(server, assertion('a', keyPair('ES256')))
  const unknown = await askWith(server, assertion('b'))
  t.same([forged.statusCode, unknown.statusCode], [401, 401])
  t.equal(forged.body, unknown.body)
  await server.operations.uses.write()
  t.ok((await ask('GET', `${ACCOUNTS}/${clientId}`)).body.last_used_at)
})

t.test('a key that was rotated is found by its kid', async (t) => {
  const { server, publish, assertion } = await setting(t)
  t.equal((await askWith(server, assertion())).statusCode, 200)
  publish('b')
  server.clock.advance(31)
  t.equal((await askWith(server, assertion('b'))).statusCode, 200)
  t.equal((await askWith(server, assertion('a'))).statusCode, 401)
})

t.test(
  'keys that cannot be fetched are temporarily unavailable, and no reason to fail for good',
  async (t) => {
    const { server, issuer, publish, assertion } = await setting(t)
    delete issuer.answers['/jwks']
    const answer = await askWith(server, assertion())
    t.equal(answer.statusCode, 503)
    t.match(answer.json(), { error: 'temporarily_unavailable' })
    t.match(server.log.join(), /status 404/)
    publish('a')
    server.clock.advance(31)
    t.equal((await askWith(server, assertion())).statusCode, 200)
  },
)

t.test('keys are either uploaded or published', async (t) => {
  const { ask, clientId, issuer } = await setting(t)
  const { pem } = testKeyPair()
  const add = () => ask('POST', `${ACCOUNTS}/${clientId}/keys`, { pem })
  t.match(await add(), { status: 409, body: { field: 'jwks_uri' } })
  const both = await ask('POST', ACCOUNTS, { name: 'Both', jwks_uri: addressOf(issuer), key: { pem } })
  t.match(both, { status: 400, body: { field: 'jwks_uri' } })
  const secret = { name: 'S', jwks_uri: addressOf(issuer), auth_methods: ['client_secret'] }
  t.match(await ask('POST', ACCOUNTS, secret), { status: 400, body: { field: 'auth_methods' } })
  t.match(await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: null }), {
    status: 200,
    body: { jwks_uri: null },
  })
  t.equal((await add()).status, 201)
  const again = await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: addressOf(issuer) })
  t.match(again, { status: 409, body: { field: 'jwks_uri' } })
})

t.test('an address that keys are not fetched from is refused', async (t) => {
  const { ask, clientId } = await setting(t)
  for (const jwks_uri of [
    'http://a.example/',
    'https://a:b@c.example/',
    'ftp://x',
    '',
    'https://a.example:22/',
  ])
    t.match(await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri }), {
      status: 400,
      body: { field: 'jwks_uri' },
    })
  t.equal((await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: 5 })).status, 400)
})

t.test('an address that changes or goes ends the tokens that were got by it', async (t) => {
  const { server, ask, clientId, assertion, issuer } = await setting(t)
  const indexOf = async () => (await server.operations.accounts.find(TESTER, 'acme', clientId)).statusIndex
  await askWith(server, assertion())
  const before = await indexOf()
  await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: addressOf(issuer) })
  t.equal(await indexOf(), before, 'the same address')
  await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: `${addressOf(issuer)}?other` })
  const changed = await indexOf()
  t.not(changed, before)
  await ask('PATCH', `${ACCOUNTS}/${clientId}`, { jwks_uri: null })
  t.not(await indexOf(), changed)
  t.equal((await askWith(server, assertion())).statusCode, 401)
})
