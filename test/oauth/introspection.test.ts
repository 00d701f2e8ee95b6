import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { tokenFor } from '../support/admin.ts'
import { acme, basic, INACTIVE, introspect, post, testClient } from '../support/introspection.ts'
import { PUBLIC_URL, TESTER } from '../support/server.ts'

const URL_PATH = 'token/introspect'
const ISSUER = `${PUBLIC_URL}/realms/acme`

t.test('introspection returns every claim of an active token', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const answer = await post(
    server,
    URL_PATH,
    { token: client.token, token_type_hint: 'refresh_token' },
    { authorization: basic(resourceServer) },
  )
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(answer.headers['content-type'], /^application\/json/)
  const { exp, iat, jti } = decodeJwt(client.token)
  t.same(answer.json(), {
    active: true,
    token_type: 'Bearer',
    iss: ISSUER,
    sub: client.clientId,
    azp: client.clientId,
    client_id: client.clientId,
    aud: ISSUER,
    scope: 'view',
    roles: ['view'],
    iat,
    exp,
    jti,
  })
  t.match(server.log.at(-1), /"outcome":"active"/)
  t.notMatch(server.log.join('\n'), client.token)
})

t.test('introspection leaves out roles and scopes that the client has lost', async (t) => {
  const { server, resourceServer } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { scopes: ['view', 'write'] })
  const client = await testClient(server, 'both', 'acme', ['view', 'operate'])
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, {
    roles: ['view', 'manage'],
    scopes: ['write'],
  })
  t.match(JSON.parse(await introspect(server, resourceServer, client.token)), {
    active: true,
    roles: ['view'],
    scope: 'write',
  })
})

t.test('introspection returns the authorization_details that did not fit into the token', async (t) => {
  const { server, resourceServer } = await acme(t)
  const { operations } = server
  const ids = Array.from({ length: 120 }, (_, n) => `edge-device-number-${n}`)
  await operations.resources.import(
    TESTER,
    'acme',
    ids.map((id) => ({ type: 'device', id })),
  )
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'many' })
  const { clientId } = account
  const grants = ids.map((id) => ({ role: 'operate', type: 'device', id }))
  await operations.grants.replace(TESTER, 'acme', clientId, grants)
  const credentials = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const { access_token: token } = (await post(server, 'token', credentials)).json()
  t.match(decodeJwt(token), { authorization_details_omitted: true })
  const described = JSON.parse(await introspect(server, resourceServer, token))
  t.equal(described.authorization_details.length, 120)
  t.notOk('authorization_details_omitted' in described)

  await operations.grants.remove(TESTER, 'acme', clientId, grants[0] as (typeof grants)[0])
  const after = JSON.parse(await introspect(server, resourceServer, token))
  t.equal(after.authorization_details.length, 119)
})

t.test('introspection of an invalid token returns active false and nothing else', async (t) => {
  const { server, resourceServer } = await acme(t)
  const { operations } = server
  const ways = {
    deleted: (clientId: string) => operations.accounts.delete(TESTER, 'acme', clientId),
    disabled: (clientId: string) => operations.accounts.update(TESTER, 'acme', clientId, { enabled: false }),
    'its tokens revoked': (clientId: string) => operations.accounts.revokeTokens(TESTER, 'acme', clientId),
    'its key revoked': async () => {
      const [key] = await operations.signingKeys.list(TESTER, 'acme')
      await operations.signingKeys.revoke(TESTER, 'acme', key?.kid as string)
    },
    expired: async () => server.clock.advance(300),
  }
  for (const [name, end] of Object.entries(ways)) {
    const { clientId, token } = await testClient(server, name)
    t.match(await introspect(server, resourceServer, token), '{"active":true,', name)
    await end(clientId)
    t.equal(await introspect(server, resourceServer, token), INACTIVE, name)
    t.match(server.log.at(-1), /"outcome":"inactive","reason":"/, name)
  }
})

t.test('a resource server sees only tokens of its own realm', async (t) => {
  const { server, resourceServer } = await acme(t)
  await server.operations.realms.create(TESTER, 'other')
  const stranger = await testClient(server, 'stranger', 'other')
  t.equal(await introspect(server, resourceServer, stranger.token), INACTIVE)
})

t.test('a caller may authenticate by header, form or its own token', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { clientId: client_id, clientSecret: client_secret } = resourceServer
  const { token } = client
  const ways = [
    await post(server, URL_PATH, { token }, { authorization: basic(resourceServer) }),
    await post(server, URL_PATH, { token, client_id, client_secret }),
    await post(server, URL_PATH, { token }, { authorization: `Bearer ${resourceServer.token}` }),
  ]
  for (const answer of ways) t.match(answer.json(), { active: true })
})

t.test(
  'a token that an introspector has for another resource server is no key to introspection',
  async (t) => {
    const { server, client, resourceServer } = await acme(t)
    await server.operations.realms.update(TESTER, 'acme', {
      audiences: ['https://api.test', 'https://b.test'],
    })
    const { clientId, clientSecret } = resourceServer
    const ask = async (resource: string) => {
      const bearer = await tokenFor(server, 'acme', clientId, clientSecret, resource)
      return post(server, URL_PATH, { token: client.token }, { authorization: `Bearer ${bearer}` })
    }
    const shown = await ask('https://b.test')
    t.equal(shown.statusCode, 401)
    t.match(shown.json(), { error: 'invalid_token' })
    t.match((await ask(ISSUER)).json(), { active: true })
  },
)

t.test('a caller without the role is refused, however it authenticates', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { token } = client
  const forbidden = {
    error: 'insufficient_scope',
    error_description: 'Requires the introspect role.',
  }
  for (const authorization of [basic(client), `Bearer ${client.token}`]) {
    const answer = await post(server, URL_PATH, { token }, { authorization })
    t.equal(answer.statusCode, 403)
    t.same(answer.json(), forbidden)
    t.equal(
      answer.headers['www-authenticate'],
      'Bearer realm="acme", error="insufficient_scope", error_description="Requires the introspect role."',
    )
  }
  // A token from before the role was given or after it was taken does not carry it.
  const authorization = `Bearer ${resourceServer.token}`
  await server.operations.accounts.update(TESTER, 'acme', resourceServer.clientId, { roles: ['view'] })
  t.equal((await post(server, URL_PATH, { token }, { authorization })).statusCode, 403)
  await server.operations.accounts.update(TESTER, 'acme', client.clientId, { roles: ['introspect'] })
  const early = await post(server, URL_PATH, { token }, { authorization: `Bearer ${client.token}` })
  t.equal(early.statusCode, 403)
})

t.test('an unknown caller is challenged', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { token } = client
  const none = await post(server, URL_PATH, { token })
  t.equal(none.statusCode, 401)
  t.equal(none.headers['www-authenticate'], 'Basic realm="acme", charset="UTF-8"')
  const wrong = await post(
    server,
    URL_PATH,
    { token },
    { authorization: basic({ ...resourceServer, clientSecret: 'wrong' }) },
  )
  t.equal(wrong.statusCode, 401)
  t.same(wrong.json(), { error: 'invalid_client', error_description: 'Client authentication failed.' })
  await server.operations.accounts.delete(TESTER, 'acme', resourceServer.clientId)
  const dead = await post(server, URL_PATH, { token }, { authorization: `Bearer ${resourceServer.token}` })
  t.equal(dead.statusCode, 401)
  t.equal(
    dead.headers['www-authenticate'],
    'Bearer realm="acme", error="invalid_token", error_description="The access token is not valid."',
  )
  const both = await post(server, URL_PATH, { token, client_secret: 'x' }, { authorization: 'Bearer x.y.z' })
  t.equal(both.statusCode, 400)
  t.match(both.json(), { error: 'invalid_request' })
})

t.test('a caller that accepts a JWT gets a signed answer with itself as audience', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const keys = createLocalJWKSet(
    (await server.app.inject('/realms/acme/protocol/openid-connect/certs')).json(),
  )
  const ask = (token: string, accept: string) =>
    post(server, URL_PATH, { token }, { authorization: basic(resourceServer), accept })
  const signed = 'application/token-introspection+jwt'
  for (const [token, active] of [
    [client.token, true],
    ['x', false],
  ] as const) {
    const answer = await ask(token, `application/json;q=0.5, ${signed}`)
    t.equal(answer.headers['content-type'], signed)
    const { payload } = await jwtVerify(answer.body, keys, {
      typ: 'token-introspection+jwt',
      issuer: ISSUER,
      audience: resourceServer.clientId,
      currentDate: server.clock.now,
    })
    const { iss: _iss, aud: _aud, iat, token_introspection, ...rest } = payload
    t.same(rest, {})
    t.equal(iat, Math.floor(server.clock.now.getTime() / 1000))
    t.same(token_introspection, (await ask(token, 'application/json')).json())
    t.equal((token_introspection as { active: boolean }).active, active)
  }
  t.match((await ask(client.token, `${signed};q=0`)).headers['content-type'], /json/)
})

t.test('malformed introspection requests are refused as at the token endpoint', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const authorization = basic(resourceServer)
  const missing = await post(server, URL_PATH, {}, { authorization })
  t.equal(missing.statusCode, 400)
  t.same(missing.json(), { error: 'invalid_request', error_description: 'token is missing.' })
  const twice = await post(server, URL_PATH, `token=${client.token}&token=x`, { authorization })
  t.equal(twice.statusCode, 400)
  const json = await post(server, URL_PATH, '{}', { authorization, 'content-type': 'application/json' })
  t.equal(json.statusCode, 400)
  const large = await post(server, URL_PATH, { token: 'x'.repeat(1024 * 1024) }, { authorization })
  t.equal(large.statusCode, 413)
  t.same(large.json(), { error: 'invalid_request', error_description: 'The request is too large.' })
  const got = await server.app.inject(`/realms/acme/protocol/openid-connect/${URL_PATH}`)
  t.equal(got.statusCode, 405)
  t.equal(got.headers['allow'], 'POST, OPTIONS')
})

t.test('introspection is 503 without the database', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const restore = await server.cutDatabase()
  t.match(await introspect(server, resourceServer, client.token), /^503 .*temporarily_unavailable/)
  await restore()
  t.match(await introspect(server, resourceServer, client.token), '"active":true')
})

t.test('introspection is 503 if the database fails between the two reads', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { operations } = server
  const caller = Promise.resolve(await operations.clients.authenticate('acme', resourceServer, '::1'))
  const owner = await operations.clients.authenticate('acme', client, '::1')
  await server.cutDatabase()
  const unavailable = { code: 'temporarily_unavailable' }
  await t.rejects(operations.introspection.introspect('acme', caller, client.token, false), unavailable)
  await t.rejects(operations.revocation.revoke(owner, client.token, '::1'), unavailable)
})

t.test('the metadata names the introspection endpoint and its methods', async (t) => {
  const { server } = await acme(t)
  const answer = await server.app.inject('/realms/acme/.well-known/openid-configuration')
  t.match(answer.json(), {
    introspection_endpoint: `${ISSUER}/protocol/openid-connect/token/introspect`,
    introspection_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'Bearer',
    ],
    introspection_signing_alg_values_supported: ['ES256'],
    revocation_endpoint: `${ISSUER}/protocol/openid-connect/revoke`,
    revocation_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
  })
})
