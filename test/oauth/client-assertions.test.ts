import { decodeJwt, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { generateClientSecret } from '../../src/crypto/client-secret.ts'
import { ASSERTION_FAULTS, type AssertionFault } from '../../src/domain/client-assertion.ts'
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../src/domain/client-key.ts'
import {
  addKey,
  askWith,
  assertionClaims,
  assertionForm,
  type KeyClient,
  keyClient,
  keyPair,
  publicJwk,
  query,
  signAssertion,
} from '../support/assertion.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`
const TOKEN_ENDPOINT = `${ISSUER}/protocol/openid-connect/token`

async function acme(t: Test, algorithm: KeyAlgorithm = 'ES256') {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  return { server, client: await keyClient(server, { algorithm }) }
}

/** What the last request left in the log. */
function logged({ log }: TestServer) {
  return JSON.parse(log.at(-1) as string)
}

for (const algorithm of KEY_ALGORITHMS)
  t.test(`a token is issued for an assertion signed by ${algorithm}`, async (t) => {
    const { server, client } = await acme(t, algorithm)
    const answer = await askWith(server, client.assertion())
    t.equal(answer.statusCode, 200)
    t.match(decodeJwt(answer.json().access_token), { sub: client.clientId, client_id: client.clientId })
    t.match(logged(server), { outcome: 'issued', client_id: client.clientId, assertion_audience: 'issuer' })
    const other = signAssertion(
      keyPair(algorithm),
      { alg: algorithm, kid: client.kid },
      assertionClaims(client.clientId, ISSUER, server.clock.now),
    )
    t.equal((await askWith(server, other)).statusCode, 401, 'not by another key')
    t.match(logged(server).reason, /^client assertion, signature: /)
  })

const seconds = ({ clock }: TestServer) => Math.floor(clock.now.getTime() / 1000)

interface Row {
  readonly what: string
  readonly fault: AssertionFault
  readonly assertion: (client: KeyClient, server: TestServer) => string | Promise<string>
  readonly form?: Record<string, string>
}

/** A row for each thing that can be wrong with an assertion, in the order of the checks. */
const WRONG: readonly Row[] = [
  {
    what: 'is longer than 8 KiB',
    fault: 'too_large',
    assertion: (c) => c.assertion({ x: 'x'.repeat(6000) }),
  },
  { what: 'has two parts', fault: 'malformed', assertion: (c) => c.assertion().replace(/\.[^.]*$/, '') },
  { what: 'has four parts', fault: 'malformed', assertion: (c) => `${c.assertion()}.x` },
  {
    what: 'has an empty signature',
    fault: 'malformed',
    assertion: (c) => c.assertion().replace(/[^.]*$/, ''),
  },
  { what: 'is padded', fault: 'malformed', assertion: (c) => `${c.assertion()}==` },
  { what: 'has a blank in it', fault: 'malformed', assertion: (c) => c.assertion().replace('.', ' .') },
  {
    what: 'has another end of the same bytes',
    fault: 'malformed',
    assertion: (c) => otherEnd(c.assertion()),
  },
  { what: 'is no JSON', fault: 'malformed', assertion: (c) => `e30x.${c.assertion().split('.')[1]}.AAAA` },
  { what: 'is a list', fault: 'malformed', assertion: (c) => `${c.assertion().split('.')[0]}.W10.AAAA` },
  { what: 'is unsigned', fault: 'malformed', assertion: (c) => unsigned(c, 'none') },
  { what: 'says none', fault: 'algorithm', assertion: (c) => `${unsigned(c, 'none')}AAAA` },
  { what: 'says None', fault: 'algorithm', assertion: (c) => `${unsigned(c, 'None')}AAAA` },
  {
    what: 'says nothing of its algorithm',
    fault: 'algorithm',
    assertion: (c) => c.assertion({}, { alg: undefined }),
  },
  {
    what: 'says a list of algorithms',
    fault: 'algorithm',
    assertion: (c) => c.assertion({}, { alg: ['ES256'] }),
  },
  { what: 'is made by HMAC with the public key', fault: 'algorithm', assertion: hmacOfPublicKey },
  {
    what: 'says an algorithm of no use here',
    fault: 'algorithm',
    assertion: (c) => c.assertion({}, { alg: 'ES512' }),
  },
  { what: 'has crit', fault: 'header', assertion: (c) => c.assertion({}, { crit: ['exp'], exp: 1 }) },
  {
    what: 'brings its own key',
    fault: 'header',
    assertion: (c) => c.assertion({}, { jwk: publicJwk(c.pair) }),
  },
  { what: 'has jku', fault: 'header', assertion: (c) => c.assertion({}, { jku: 'https://evil.test/keys' }) },
  { what: 'has x5u', fault: 'header', assertion: (c) => c.assertion({}, { x5u: 'https://evil.test/cert' }) },
  { what: 'has x5c', fault: 'header', assertion: (c) => c.assertion({}, { x5c: ['MIIB'] }) },
  { what: 'has a kid that is no text', fault: 'header', assertion: (c) => c.assertion({}, { kid: 7 }) },
  {
    what: 'is of the type of an access token',
    fault: 'type',
    assertion: (c) => c.assertion({}, { typ: 'at+jwt' }),
  },
  {
    what: 'is of the type jwt in small letters',
    fault: 'type',
    assertion: (c) => c.assertion({}, { typ: 'jwt' }),
  },
  { what: 'has a type that is no text', fault: 'type', assertion: (c) => c.assertion({}, { typ: null }) },
  { what: 'has no iss', fault: 'issuer', assertion: (c) => c.assertion({ iss: undefined }) },
  { what: 'has no sub', fault: 'issuer', assertion: (c) => c.assertion({ sub: undefined }) },
  { what: 'has another iss', fault: 'issuer', assertion: (c) => c.assertion({ iss: 'sa_other' }) },
  { what: 'has another sub', fault: 'issuer', assertion: (c) => c.assertion({ sub: 'sa_other' }) },
  {
    what: 'has a list as iss and sub',
    fault: 'issuer',
    assertion: (c) => c.assertion({ iss: ['a'], sub: ['a'] }),
  },
  {
    what: 'comes with another client_id',
    fault: 'issuer',
    assertion: (c) => c.assertion(),
    form: { client_id: 'x' },
  },
  { what: 'has no aud', fault: 'audience', assertion: (c) => c.assertion({ aud: undefined }) },
  { what: 'is for nobody', fault: 'audience', assertion: (c) => c.assertion({ aud: [] }) },
  {
    what: 'is for another realm',
    fault: 'audience',
    assertion: (c) => c.assertion({ aud: `${PUBLIC_URL}/realms/x` }),
  },
  {
    what: 'is for the issuer with a slash',
    fault: 'audience',
    assertion: (c) => c.assertion({ aud: `${ISSUER}/` }),
  },
  {
    what: 'is for the issuer and another',
    fault: 'audience',
    assertion: (c) => c.assertion({ aud: [ISSUER, 'x'] }),
  },
  {
    what: 'is for both',
    fault: 'audience',
    assertion: (c) => c.assertion({ aud: [ISSUER, TOKEN_ENDPOINT] }),
  },
  {
    what: 'is for the introspection endpoint',
    fault: 'audience',
    assertion: (c) => c.assertion({ aud: `${TOKEN_ENDPOINT}/introspect` }),
  },
  { what: 'has no exp', fault: 'expiry_missing', assertion: (c) => c.assertion({ exp: undefined }) },
  {
    what: 'has a text as exp',
    fault: 'expiry_missing',
    assertion: (c) => c.assertion({ exp: '9999999999' }),
  },
  { what: 'has just expired', fault: 'expired', assertion: (c, s) => c.assertion({ exp: seconds(s) }) },
  {
    what: 'lives for 331 s',
    fault: 'expiry_too_far',
    assertion: (c, s) => c.assertion({ exp: seconds(s) + 331 }),
  },
  { what: 'lives for ever', fault: 'expiry_too_far', assertion: (c) => c.assertion({ exp: 1e300 }) },
  {
    what: 'is of the future',
    fault: 'issued_in_future',
    assertion: (c, s) => c.assertion({ iat: seconds(s) + 31 }),
  },
  { what: 'has a text as iat', fault: 'issued_in_future', assertion: (c) => c.assertion({ iat: '1' }) },
  {
    what: 'begins in the future',
    fault: 'not_yet_valid',
    assertion: (c, s) => c.assertion({ nbf: seconds(s) + 31 }),
  },
  { what: 'has a text as nbf', fault: 'not_yet_valid', assertion: (c) => c.assertion({ nbf: '1' }) },
  { what: 'has no jti', fault: 'id', assertion: (c) => c.assertion({ jti: undefined }) },
  { what: 'has an empty jti', fault: 'id', assertion: (c) => c.assertion({ jti: '' }) },
  { what: 'has a number as jti', fault: 'id', assertion: (c) => c.assertion({ jti: 7 }) },
  {
    what: 'has a jti of 129 bytes',
    fault: 'id',
    assertion: (c) => c.assertion({ jti: `${'é'.repeat(64)}x` }),
  },
  {
    what: 'names a key that is not there',
    fault: 'key_unknown',
    assertion: (c) => c.assertion({}, { kid: 'other' }),
  },
  {
    what: 'is of a client that is not there',
    fault: 'key_unknown',
    assertion: (c) => c.assertion({ iss: 'sa_x', sub: 'sa_x' }),
  },
  {
    what: 'is of what no client can be called',
    fault: 'key_unknown',
    assertion: (c) => c.assertion({ iss: 'a\0b', sub: 'a\0b' }),
  },
  { what: 'has another algorithm than its key', fault: 'key_algorithm', assertion: byEd25519 },
  {
    what: 'is said to be of a longer RSA key',
    fault: 'key_algorithm',
    assertion: (c) => c.assertion({}, { alg: 'RS256' }).replace(/[^.]*$/, 'A'.repeat(342)),
  },
  { what: 'has a signature of another length', fault: 'signature', assertion: (c) => `${c.assertion()}AAAA` },
  {
    what: 'has the signature of another',
    fault: 'signature',
    assertion: (c) => c.assertion().replace(/[^.]*$/, c.assertion().split('.')[2] as string),
  },
]

t.test(
  'whatever is wrong with an assertion, it is refused by one answer, and the log says why',
  async (t) => {
    const { server, client } = await acme(t)
    const wrongSecret = await server.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=x&client_secret=${generateClientSecret()}`,
    })
    t.equal(wrongSecret.statusCode, 401)
    let n = 0
    for (const { what, fault, assertion, form = {} } of WRONG)
      for (const endpoint of ['token', 'token/introspect', 'revoke']) {
        const address = `10.0.${n >> 8}.${n++ & 255}`
        const answer = await askWith(server, await assertion(client, server), form, { endpoint, address })
        t.equal(answer.statusCode, 401, `${endpoint}: ${what}`)
        t.equal(answer.body, wrongSecret.body)
        for (const header of ['www-authenticate', 'cache-control', 'content-type'])
          t.equal(answer.headers[header], wrongSecret.headers[header])
        t.equal(logged(server).reason, `client assertion, ${fault}: ${ASSERTION_FAULTS[fault]}`, what)
      }
    t.same(
      await query(server, 'select * from used_assertions'),
      [],
      'nothing is stored of what was not accepted',
    )
    t.equal((await askWith(server, client.assertion())).statusCode, 200)
  },
)

function byEd25519({ clientId, kid }: KeyClient, { clock }: TestServer): string {
  return signAssertion(keyPair('EdDSA'), { alg: 'EdDSA', kid }, assertionClaims(clientId, ISSUER, clock.now))
}

function otherEnd(assertion: string): string {
  // The last of 86 characters has four bits that count.
  const last = assertion.slice(-1)
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return assertion.slice(0, -1) + letters[letters.indexOf(last) ^ 1]
}

function unsigned(client: KeyClient, alg: string): string {
  const [, claims] = client.assertion().split('.')
  return `${Buffer.from(JSON.stringify({ alg, kid: client.kid })).toString('base64url')}.${claims}.`
}

async function hmacOfPublicKey({ pair, kid, clientId }: KeyClient, { clock }: TestServer): Promise<string> {
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' })
  return new SignJWT(assertionClaims(clientId, ISSUER, clock.now) as never)
    .setProtectedHeader({ alg: 'HS256', kid })
    .sign(Buffer.from(pem as string))
}

t.test('an assertion exactly at the bounds is accepted', async (t) => {
  const { server, client } = await acme(t)
  const now = seconds(server)
  const rows: Record<string, string> = {
    'exp in 330 s': client.assertion({ exp: now + 330 }),
    'exp with a fraction': client.assertion({ exp: now + 60.5 }),
    'iat 30 s ahead': client.assertion({ iat: now + 30 }),
    'iat long ago': client.assertion({ iat: 1 }),
    'no iat': client.assertion({ iat: undefined }),
    'nbf 30 s ahead': client.assertion({ nbf: now + 30 }),
    'a list of one aud': client.assertion({ aud: [ISSUER] }),
    'the token endpoint as aud': client.assertion({ aud: TOKEN_ENDPOINT }),
    'typ JWT': client.assertion({}, { typ: 'JWT' }),
    'typ client-authentication+jwt': client.assertion({}, { typ: 'client-authentication+jwt' }),
    'a jti of 128 bytes': client.assertion({ jti: 'é'.repeat(64) }),
    'no kid': client.assertion({}, { kid: undefined }),
    'other members': client.assertion({ scope: 'admin', htm: 'POST' }, { x5t: 'x', cty: 'y' }),
  }
  for (const [what, assertion] of Object.entries(rows))
    t.equal((await askWith(server, assertion)).statusCode, 200, what)
  t.equal((await askWith(server, client.assertion(), { client_id: client.clientId })).statusCode, 200)
})

t.test(
  'a realm that wants its issuer takes nothing else, and what came is in the log until then',
  async (t) => {
    const { server, client } = await acme(t)
    t.equal((await askWith(server, client.assertion({ aud: TOKEN_ENDPOINT }))).statusCode, 200)
    t.equal(logged(server).assertion_audience, 'token_endpoint')
    await query(
      server,
      "update realms set assertion_audience = 'issuer', version = version + 1 where name = 'acme'",
    )
    t.equal((await askWith(server, client.assertion({ aud: TOKEN_ENDPOINT }))).statusCode, 401)
    t.equal((await askWith(server, client.assertion())).statusCode, 200)
  },
)

t.test('beside an assertion nothing else may say who asks', async (t) => {
  const { server, client } = await acme(t)
  const basic = { authorization: `Basic ${btoa('a:b')}` }
  const bearer = { authorization: 'Bearer a.b.c' }
  for (const endpoint of ['token', 'token/introspect', 'revoke']) {
    for (const [form, headers] of [
      [{ client_secret: 'x' }, {}],
      [{}, basic],
      [{}, bearer],
      [{}, { authorization: '' }],
    ] as const) {
      const answer = await askWith(server, client.assertion(), form, { endpoint, headers })
      t.equal(answer.statusCode, 400, `${endpoint} ${JSON.stringify([form, headers])}`)
      t.equal(answer.json().error, 'invalid_request')
    }
    const twice = `${new URLSearchParams(assertionForm(client.assertion()))}`
    const answer = await server.app.inject({
      method: 'POST',
      url: `/realms/acme/protocol/openid-connect/${endpoint}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&token=x&${twice}&client_assertion=${client.assertion()}`,
    })
    t.equal(answer.statusCode, 400)
    t.equal(answer.json().error, 'invalid_request')
  }
})

t.test('half of an assertion is refused, and one of another type', async (t) => {
  const { server, client } = await acme(t)
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  for (const [form, description] of [
    [{ client_assertion_type: '' }, /client_assertion_type must be urn:/],
    [{ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }, /must be urn:/],
    [{ client_assertion: '' }, /client_assertion is missing/],
  ] as const) {
    const answer = await askWith(server, client.assertion(), form)
    t.equal(answer.statusCode, 401)
    t.match(answer.json(), { error: 'invalid_client', error_description: description })
  }
  t.equal((await askWith(server, client.assertion(), { client_assertion_type: type })).statusCode, 200)
})

t.test('introspection and revocation take assertions, each once', async (t) => {
  const { server, client } = await acme(t)
  const api = await keyClient(server, { name: 'API', roles: ['introspect'], algorithm: 'EdDSA' })
  const issued = await askWith(server, client.assertion())
  const { access_token: token } = issued.json()
  const assertion = api.assertion()
  const first = await askWith(server, assertion, { token }, { endpoint: 'token/introspect' })
  t.equal(first.statusCode, 200)
  t.equal(first.json().active, true)
  for (const endpoint of ['token/introspect', 'revoke', 'token'])
    t.equal((await askWith(server, assertion, { token }, { endpoint })).statusCode, 401, endpoint)
  const revoking = client.assertion()
  t.equal((await askWith(server, revoking, { token }, { endpoint: 'revoke' })).statusCode, 200)
  t.match(logged(server), { outcome: 'revoked', client_id: client.clientId, assertion_audience: 'issuer' })
  t.equal((await askWith(server, revoking)).statusCode, 401)
  const second = await askWith(server, api.assertion(), { token }, { endpoint: 'token/introspect' })
  t.equal(second.json().active, false)
})

t.test('an access token is no assertion, even where it has the type of any JWT', async (t) => {
  const { server, client } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { tokenTypeHeader: 'JWT' })
  const { access_token: token } = (await askWith(server, client.assertion())).json()
  t.equal((await askWith(server, token)).statusCode, 401)
})

t.test('an account is let in by the methods that it has', async (t) => {
  const { server } = await acme(t)
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'both',
  })
  const { clientId } = account
  const pair = keyPair('ES256')
  const kid = await addKey(server, clientId, pair, { algorithm: 'ES256' })
  const bySecret = async () =>
    (
      await server.app.inject({
        method: 'POST',
        url: '/realms/acme/protocol/openid-connect/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`,
      })
    ).statusCode
  const byKey = async () => {
    const claims = assertionClaims(clientId, ISSUER, server.clock.now)
    return (await askWith(server, signAssertion(pair, { alg: 'ES256', kid }, claims))).statusCode
  }
  for (const [methods, wanted] of [
    ['{client_secret}', [200, 401]],
    ['{private_key_jwt}', [401, 200]],
    ['{client_secret,private_key_jwt}', [200, 200]],
  ] as const) {
    await query(server, 'update service_accounts set auth_methods = $2 where client_id = $1', [
      clientId,
      methods,
    ])
    t.same([await bySecret(), await byKey()], wanted, methods)
  }
})

t.test('a disabled account and an expired key are refused as if they were not there', async (t) => {
  const { server, client } = await acme(t)
  const refused = await askWith(server, client.assertion({}, { kid: 'x' }))
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, { enabled: false })
  const disabled = await askWith(server, client.assertion())
  t.equal(disabled.statusCode, 401)
  t.equal(disabled.body, refused.body)
  t.match(logged(server).reason, /disabled/)
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, { enabled: true })
  t.equal((await askWith(server, client.assertion())).statusCode, 200)
  const ends = new Date(server.clock.now.getTime() + 5000)
  await query(server, 'update client_keys set expires_at = $1', [ends])
  t.equal((await askWith(server, client.assertion())).statusCode, 200)
  server.clock.advance(5)
  const expired = await askWith(server, client.assertion())
  t.equal(expired.statusCode, 401)
  t.match(logged(server).reason, /key_unknown/)
  t.equal((await askWith(server, client.assertion({}, { kid: undefined }))).statusCode, 401)
})

t.test('without a kid the two newest keys are tried whose algorithm fits', async (t) => {
  const { server, client } = await acme(t)
  const { clientId } = client
  const [second, third] = [keyPair('ES256'), keyPair('ES256')]
  const claims = () => assertionClaims(clientId, ISSUER, server.clock.now)
  const asks = (pair: typeof second) => askWith(server, signAssertion(pair, { alg: 'ES256' }, claims()))
  server.clock.advance(1)
  await addKey(server, clientId, second, { algorithm: 'ES256' })
  server.clock.advance(1)
  for (const algorithm of ['EdDSA', 'RS256', 'ES384'] as const)
    await addKey(server, clientId, keyPair(algorithm), { algorithm })
  t.same([(await asks(client.pair)).statusCode, (await asks(second)).statusCode], [200, 200])
  server.clock.advance(1)
  await addKey(server, clientId, third, { algorithm: 'ES256' })
  t.same([(await asks(second)).statusCode, (await asks(third)).statusCode], [200, 200])
  t.equal((await asks(client.pair)).statusCode, 401, 'the third newest has to be named')
  t.equal((await askWith(server, client.assertion())).statusCode, 200)
})

t.test('the last use of a key is noted as that of a secret is', async (t) => {
  const { server, client } = await acme(t)
  await askWith(server, client.assertion())
  t.same(await query(server, 'select * from last_uses'), [], 'not by the request')
  await server.operations.uses.write()
  const [use, ...others] = await query(
    server,
    'select u.* from last_uses u join client_keys k using (realm_id, client_id) where u.secret_id = k.thumbprint',
  )
  t.same(others, [])
  t.match(use, { client_id: client.clientId, used_at: server.clock.now, scope: 'view' })
})

t.test('a key that others made is taken as it stands', async (t) => {
  const { server, client } = await acme(t)
  const { privateKey, publicKey } = await generateKeyPair('PS256', { extractable: true })
  t.equal(publicKey.type, 'public')
  const { exportJWK } = await import('jose')
  const jwk = await exportJWK(publicKey)
  await query(server, 'update client_keys set jwk = $1', [JSON.stringify(jwk)])
  const assertion = await new SignJWT(assertionClaims(client.clientId, ISSUER, server.clock.now) as never)
    .setProtectedHeader({ alg: 'PS256', kid: client.kid })
    .sign(privateKey)
  t.equal((await askWith(server, assertion)).statusCode, 200)
})
