import t from 'tap'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const ADDRESSES = [
  '/realms/acme/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server/realms/acme',
]

const ASSERTION_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'].concat([
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
])

t.test('both metadata documents are equal, and every endpoint in them works', async (t) => {
  const { app, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { scopes: ['view', 'deploy'] })
  const [first, second] = await Promise.all(ADDRESSES.map((url) => app.inject(url)))
  t.equal(first?.statusCode, 200)
  t.equal(first?.body, second?.body)
  t.equal(first?.headers['access-control-allow-origin'], '*')
  t.match(first?.headers['cache-control'], /^public, max-age=\d+$/)
  const document = first?.json()
  t.match(document, {
    issuer: `${PUBLIC_URL}/realms/acme`,
    token_endpoint: `${PUBLIC_URL}/realms/acme/protocol/openid-connect/token`,
    jwks_uri: `${PUBLIC_URL}/realms/acme/protocol/openid-connect/certs`,
    grant_types_supported: [
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    authorization_endpoint: `${PUBLIC_URL}/realms/acme/protocol/openid-connect/auth`,
    response_types_supported: ['none'],
    scopes_supported: ['view', 'deploy'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
  // Each endpoint that is named is there.
  for (const [name, url] of Object.entries(document)) {
    if (!/_endpoint$|_uri$/.test(name)) continue
    const { statusCode } = await app.inject({ method: 'GET', url: new URL(url as string).pathname })
    t.not(statusCode, 404, name)
  }
})

t.test('while the algorithm changes, the document names both', async (t) => {
  const { app, operations, clock } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.update(TESTER, 'acme', { algorithm: 'EdDSA' })
  const algorithms = async () => {
    await operations.signingKeys.rotateDue()
    const document = (await app.inject(ADDRESSES[0] as string)).json()
    t.same(
      document.introspection_signing_alg_values_supported,
      document.id_token_signing_alg_values_supported,
    )
    return document.introspection_signing_alg_values_supported.sort()
  }
  t.same(await algorithms(), ['ES256', 'EdDSA'])
  clock.advance(86_400 + 7200)
  await algorithms()
  clock.advance(86_400)
  t.same(await algorithms(), ['EdDSA'])
})

t.test('a conditional GET of unchanged metadata is 304', async (t) => {
  const { app, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  for (const url of ADDRESSES) {
    const { etag } = (await app.inject(url)).headers
    const again = await app.inject({ url, headers: { 'if-none-match': etag as string } })
    t.equal(again.statusCode, 304)
  }
})

t.test('the metadata of an unknown realm is 404', async (t) => {
  const { app } = await testServer(t)
  for (const url of ADDRESSES) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 404)
    t.same(answer.json(), { error: 'Realm does not exist' })
  }
})
