import { createSecretKey } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { tokenFor } from '../support/admin.ts'
import { keyPair, query, signAssertion } from '../support/assertion.ts'
import { basic, introspect, post, testClient } from '../support/introspection.ts'
import {
  ACME,
  bound,
  platformForm,
  SHAPES,
  type Shape,
  type TestPlatform,
  testPlatform,
  trust,
} from '../support/platform.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

interface Place {
  readonly server: TestServer
  readonly platform: TestPlatform
  readonly id: string
  readonly ask: (token: string, shape?: Shape, more?: Record<string, string>) => Promise<Answer>
}

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  /** Of the refusal, in the log. */
  readonly reason: string
}

async function place(t: Test, settings: Parameters<typeof trust>[2] = {}): Promise<Place> {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 1000 })
  const platform = testPlatform(server)
  const id = await trust(server, platform, settings)
  return { server, platform, id, ask: asking(server) }
}

function asking(server: TestServer, realm = 'acme'): Place['ask'] {
  let asked = 0
  return async (token, shape = 'assertion', more = {}) => {
    const answer = await server.app.inject({
      method: 'POST',
      url: `/realms/${realm}/protocol/openid-connect/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      // A network for each request: what failed before holds nothing back.
      remoteAddress: `10.${(asked >> 8) & 255}.${asked++ & 255}.1`,
      payload: new URLSearchParams({ ...platformForm(shape, token), ...more }).toString(),
    })
    const line = JSON.parse(server.log.at(-1) ?? '{}')
    return { status: answer.statusCode, body: answer.json(), reason: line.reason ?? '' }
  }
}

t.test('a workload gets a token in each of the three shapes, with and without its client_id', async (t) => {
  const { server, platform, id, ask } = await place(t)
  const { clientId, identityId } = await bound(server, id)
  for (const shape of SHAPES)
    for (const more of [{}, { client_id: clientId }]) {
      const { status, body } = await ask(platform.token(), shape, more)
      t.equal(status, 200, JSON.stringify(body))
      const claims = decodeJwt(String(body['access_token']))
      t.match(claims, { iss: ACME, sub: clientId, client_id: clientId, roles: ['view'] })
      t.equal(
        body['issued_token_type'],
        shape === 'exchange' ? 'urn:ietf:params:oauth:token-type:access_token' : undefined,
      )
    }
  await server.operations.uses.write()
  const [identity] = await server.operations.workloadIdentities.list(TESTER, 'acme', clientId)
  t.equal(identity?.id, identityId)
  t.ok(identity?.lastUsedAt, 'its last use is noted')
})

t.test('scope, resource and details are as for every other client', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id)
  for (const shape of SHAPES) {
    t.match((await ask(platform.token(), shape, { scope: 'view' })).body, { scope: 'view' })
    t.match(await ask(platform.token(), shape, { scope: 'all' }), {
      status: 400,
      body: { error: 'invalid_scope' },
    })
    const resource = { resource: `${PUBLIC_URL}/admin` }
    const { body } = await ask(platform.token(), shape, resource)
    t.equal(decodeJwt(String(body['access_token'])).aud, resource.resource)
    const other = await ask(platform.token(), shape, { resource: 'https://other.example' })
    t.match(other, { status: 400, body: { error: 'invalid_target' } })
    const nowhere = asking(server, 'nowhere')
    t.equal((await nowhere(platform.token(), shape)).status, 404)
  }
})

t.test('a token is refused outward in one way, whatever is wrong, and the log says why', async (t) => {
  const { server, platform, id, ask } = await place(t)
  const { clientId } = await bound(server, id)
  const other = await bound(server, id, [{ claim: 'sub', equals: 'other' }])
  await bound(server, id, [{ claim: 'sub', equals: 'two' }])
  await bound(server, id, [{ claim: 'sub', equals: 'two' }])
  const disabled = await bound(server, id, [{ claim: 'sub', equals: 'off' }])
  await server.operations.accounts.update(TESTER, 'acme', disabled.clientId, { enabled: false })
  const now = Math.floor(server.clock.now.getTime() / 1000)
  const { token } = platform
  const cases: [reason: string, token: string, more?: Record<string, string>][] = [
    ['malformed', 'a.b'],
    ['malformed', `${token()}.a`],
    ['too_large', token({ filler: 'x'.repeat(8000) })],
    ['issuer_unknown', token({ iss: 'https://evil.example' })],
    ['issuer_unknown', token({ iss: `${platform.issuer}/` })],
    ['issuer_unknown', token({ iss: 'constructor' })],
    ['issuer_unknown', token({ iss: undefined })],
    ['expired', token({ iat: now - 10, exp: now - 1 })],
    ['lifetime_too_long', token({ exp: now + 3601 })],
    ['audience', token({ aud: [ACME, 'https://other.example'] })],
    ['audience', token({ aud: `${PUBLIC_URL}/realms/other` })],
    ['algorithm', token({}, { alg: 'none' })],
    ['header', token({}, { jku: 'https://evil.example' })],
    ['type', token({}, { typ: 'secevent+jwt' })],
    ['key_unknown', token({}, { kid: 'another' })],
    ['signature', token({}, {}, keyPair('ES256'))],
    ['key_algorithm', token({}, { alg: 'RS256' }, keyPair('RS256'))],
    ['unbound', token({ sub: 'nobody' })],
    ['unbound', token({ sub: { workload: true } })],
    ['client', token(), { client_id: other.clientId }],
    ['client', token(), { client_id: 'a client_id that is none' }],
    ['ambiguous', token({ sub: 'two' })],
    ['disabled', token({ sub: 'off' })],
  ]
  for (const shape of SHAPES) {
    const outward = new Set<string>()
    for (const [reason, text, more] of cases) {
      const { status, body, reason: logged } = await ask(text, shape, more)
      t.equal(status, shape === 'assertion' ? 401 : 400, `${shape} ${reason}`)
      // What cannot be read may be a client's own assertion too.
      t.match(
        logged,
        shape === 'assertion' && !isOfPlatform(text, reason)
          ? reason.replace('issuer_unknown', 'client assertion, issuer')
          : `platform token, ${reason}`,
      )
      outward.add(JSON.stringify(body))
    }
    t.equal(outward.size, 1, [...outward].join())
  }
  t.equal((await ask(token(), 'grant', { client_id: clientId })).status, 200)
})

/** What does not name an issuer may be a client's own assertion. */
function isOfPlatform(text: string, reason: string): boolean {
  return !/malformed|too_large/.test(reason) && /:\/\//.test(String(decodeJwt(text).iss))
}

t.test('the key of another issuer does not sign for this one, whatever its kid is', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id)
  const other = testPlatform(server, 'https://other.example')
  const forged = { ...other.jwks.keys[0], kid: platform.kid }
  await trust(server, { ...other, jwks: { keys: [forged] } })
  const token = other.token({ iss: platform.issuer }, { kid: platform.kid })
  t.match(await ask(token, 'grant'), { status: 400, reason: /signature/ })
})

t.test('a public key is no secret of an HMAC', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id)
  const claims = decodeJwt(platform.token())
  const { publicKey } = platform.pair
  for (const secret of [
    publicKey.export({ type: 'spki', format: 'pem' }),
    publicKey.export({ type: 'spki', format: 'der' }),
  ]) {
    const key = createSecretKey(Buffer.from(secret))
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: platform.kid }).sign(key)
    t.match(await ask(token, 'grant'), { status: 400, reason: /platform token, algorithm/ })
  }
})

t.test('a token for another realm, or of an issuer that only another realm trusts, is refused', async (t) => {
  const { server, platform, id } = await place(t)
  await bound(server, id)
  await server.operations.realms.create(TESTER, 'other')
  const ask = asking(server, 'other')
  t.match(await ask(platform.token({ aud: `${PUBLIC_URL}/realms/other` }), 'grant'), {
    reason: /issuer_unknown/,
  })
  await trust(server, platform, {}, 'other')
  t.match(await ask(platform.token(), 'grant'), { status: 400, reason: /audience/ })
  t.match(await ask(platform.token({ aud: `${PUBLIC_URL}/realms/other` }), 'grant'), { reason: /unbound/ })
})

t.test('claims within claims, and old and new subjects of GitHub', async (t) => {
  const required = [['repository_id'], ['repository_owner_id']]
  const { server, platform, id, ask } = await place(t, { requiredClaims: required })
  await bound(server, id, [
    { claim: 'repository_id', equals: '1296269' },
    { claim: 'repository_owner_id', equals: '583231' },
    { claim: 'sub', matches: 'repo:*/*:ref:refs/heads/main' },
  ])
  const claims = { repository_id: '1296269', repository_owner_id: '583231' }
  const status = async (sub: string, more: object = {}) =>
    (await ask(platform.token({ ...claims, ...more, sub }), 'grant')).status
  t.equal(await status('repo:octocat/hello:ref:refs/heads/main'), 200)
  t.equal(await status('repo:octocat@583231/hello@1296269:ref:refs/heads/main'), 200)
  t.equal(await status('repo:octocat/hello:ref:refs/heads/dev'), 400)
  t.equal(await status('repo:octocat/hello:ref:refs/heads/main', { repository_id: '7' }), 400)
  t.equal(await status('repo:octocat/hello:ref:refs/heads/main', { repository_id: 1296269 }), 400)

  const cluster = testPlatform(server, 'https://cluster.example')
  const names = [
    ['kubernetes.io', 'namespace'],
    ['kubernetes.io', 'serviceaccount', 'name'],
  ]
  const kubernetes = await trust(server, cluster, { requiredClaims: names })
  await bound(server, kubernetes, [
    { claim: names[0], equals: ['prod', 'stage'] },
    { claim: names[1], equals: 'billing' },
  ])
  const pod = (namespace: unknown, name: unknown) => ({
    'kubernetes.io': { namespace, serviceaccount: { name }, pod: { name: 'billing-1' } },
  })
  const of = async (more: Record<string, unknown>) => (await ask(cluster.token(more), 'grant')).status
  t.equal(await of(pod('prod', 'billing')), 200)
  t.equal(await of(pod('stage', 'billing')), 200)
  t.equal(await of(pod('dev', 'billing')), 400)
  t.equal(await of(pod(['prod'], 'billing')), 400)
  t.equal(
    await of({ 'kubernetes.io.namespace': 'prod', 'kubernetes.io.serviceaccount.name': 'billing' }),
    400,
  )
})

t.test('a JWT-SVID is of the trust domain of its subject', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const spire = testPlatform(server, 'spiffe://td.example')
  const sub = 'spiffe://td.example/billing'
  await bound(server, await trust(server, spire), [{ claim: 'sub', equals: sub }])
  const token = (claims: object) => spire.token({ iss: undefined, sub, ...claims })
  for (const type of ['jwt-spiffe', 'jwt-bearer']) {
    const form = {
      ...platformForm('assertion', token({})),
      client_assertion_type: `urn:ietf:params:oauth:client-assertion-type:${type}`,
    }
    t.equal((await post(server, 'token', form)).statusCode, 200, type)
  }
  const ask = asking(server)
  t.equal((await ask(token({}), 'grant')).status, 200)
  t.match(await ask(token({ sub: 'spiffe://other.example/billing' }), 'grant'), { reason: /issuer_unknown/ })
  t.match(await ask(token({ iss: spire.issuer, sub: 'billing' }), 'grant'), { reason: /trust_domain/ })
})

t.test('a token lives no longer than the platform’s, and half a minute at the least', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id)
  const iat = Math.floor(server.clock.now.getTime() / 1000)
  for (const [left, lifetime] of [
    [3600, 300],
    [120, 120],
    [7, 30],
  ] as const) {
    const { body } = await ask(platform.token({ iat, exp: iat + left }), 'grant')
    t.equal(body['expires_in'], lifetime)
    const { exp = 0, iat: issued = 0 } = decodeJwt(String(body['access_token']))
    t.equal(exp - issued, lifetime)
  }
})

t.test('a token is accepted again until it ends, and once where the issuer says so', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id)
  const token = platform.token({ jti: 'a' })
  for (let n = 0; n < 3; n++) t.equal((await ask(token, 'grant')).status, 200)
  // What was verified once is bound to its bytes.
  const [head, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), jti: 'b' })).toString('base64url')
  t.match(await ask(`${head}.${claims}.${signature}`, 'grant'), { reason: /signature/ })
  await server.operations.trustedIssuers.update(TESTER, 'acme', id, { singleUse: true })
  t.equal((await ask(token, 'grant')).status, 200)
  t.match(await ask(token, 'grant'), { status: 400, reason: /platform token, used/ })
  t.match(await ask(platform.token(), 'grant'), { status: 400, reason: /platform token, id/ })
  server.clock.advance(3600)
  t.match(await ask(token, 'grant'), { status: 400, reason: /expired/ })
})

t.test('one of two nodes accepts a token for single use that comes to both at once', async (t) => {
  const { server, platform, id } = await place(t, { singleUse: true })
  await bound(server, id)
  const other = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  const token = platform.token({ jti: 'once' })
  const answers = await Promise.all(
    [server, other, server, other].map(async (node) => (await asking(node)(token, 'exchange')).status),
  )
  t.same(answers.sort(), [200, 400, 400, 400])
})

t.test('credentials beside a grant, and what an exchange cannot be, are invalid requests', async (t) => {
  const { server, platform, id, ask } = await place(t)
  const { clientId } = await bound(server, id)
  const client = await testClient(server, 'CI')
  const cases: [shape: Shape, more: Record<string, string>][] = [
    ['grant', { client_id: clientId, client_secret: client.clientSecret }],
    ['grant', { client_assertion: platform.token() }],
    ['grant', { client_assertion_type: 'a' }],
    ['grant', { assertion: '' }],
    ['exchange', { subject_token: '' }],
    ['exchange', { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['exchange', { subject_token_type: '' }],
    ['exchange', { actor_token: platform.token() }],
    ['exchange', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
  ]
  for (const [shape, more] of cases)
    t.match(
      await ask(platform.token(), shape, more),
      { status: 400, body: { error: 'invalid_request' } },
      JSON.stringify(more),
    )
  for (const shape of SHAPES) {
    const answer = await post(server, 'token', platformForm(shape, platform.token()), {
      authorization: basic(client),
    })
    t.match(answer.json(), { error: 'invalid_request' }, shape)
  }
  for (const type of ['access_token', 'jwt'])
    t.equal(
      (
        await ask(platform.token(), 'exchange', {
          requested_token_type: `urn:ietf:params:oauth:token-type:${type}`,
        })
      ).status,
      200,
    )
})

t.test('a workload introspects and revokes with the token of its platform', async (t) => {
  const { server, platform, id, ask } = await place(t)
  await bound(server, id, undefined, { roles: ['view', 'introspect'] })
  const { body } = await ask(platform.token())
  const token = String(body['access_token'])
  const { grant_type, ...credentials } = platformForm('assertion', platform.token())
  const told = await post(server, 'token/introspect', { ...credentials, token })
  t.match(told.json(), { active: true })
  t.equal((await post(server, 'revoke', { ...credentials, token })).statusCode, 200)
  t.match((await post(server, 'token/introspect', { ...credentials, token })).json(), { active: false })
})

t.test(
  'a failed attempt is counted before its signature is computed, and does not hold back valid tokens',
  async (t) => {
    const { server, platform, id } = await place(t)
    await bound(server, id)
    const from = (token: string, remoteAddress: string) =>
      server.app.inject({
        method: 'POST',
        url: '/realms/acme/protocol/openid-connect/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        remoteAddress,
        payload: new URLSearchParams(platformForm('grant', token)).toString(),
      })
    const forged = platform.token({}, {}, keyPair('ES256'))
    let held = 0
    for (let n = 0; n < 300 && held === 0; n++)
      if ((await from(forged, '198.51.100.9')).statusCode === 429) held = n
    t.ok(held > 0, `held back after ${held} attempts`)
    t.equal((await from(platform.token(), '203.0.113.9')).statusCode, 200, 'from elsewhere it gets in')
  },
)

t.test('an account counts while its auth_methods have federated', async (t) => {
  const { server, platform, id, ask } = await place(t)
  const { clientId } = await bound(server, id)
  const update = (authMethods: string[]) =>
    server.operations.accounts.update(TESTER, 'acme', clientId, { authMethods })
  const resourceServer = await testClient(server, 'api', 'acme', ['introspect'])
  const { body } = await ask(platform.token(), 'grant')
  await update(['client_secret'])
  t.match(await ask(platform.token(), 'grant'), { status: 400, reason: /unbound/ })
  t.equal(await introspect(server, resourceServer, String(body['access_token'])), '{"active":false}')
  await update(['client_secret', 'federated'])
  t.equal((await ask(platform.token(), 'grant')).status, 200)
})

t.test('more workload identities than can be compared are refused, by name they are not', async (t) => {
  const { server, platform, id, ask } = await place(t)
  const { clientId, identityId } = await bound(server, id)
  await query(
    server,
    `insert into service_accounts (realm_id, client_id, name, name_key, roles, auth_methods, status_index, created_at, updated_at)
     select realm_id, 'copy-' || n, 'copy ' || n, 'copy ' || n, roles, auth_methods, -n, created_at, updated_at
     from service_accounts, generate_series(1, 100) n where client_id = $1`,
    [clientId],
  )
  await query(
    server,
    `insert into workload_identities (realm_id, client_id, id, issuer_id, rules, created_at)
     select realm_id, 'copy-' || n, id || n, issuer_id, rules, created_at
     from workload_identities, generate_series(1, 100) n where id = $1`,
    [identityId],
  )
  await query(
    server,
    `insert into workload_identity_keys (realm_id, issuer_id, hash, client_id, identity_id)
     select realm_id, issuer_id, hash, 'copy-' || n, identity_id || n
     from workload_identity_keys, generate_series(1, 100) n where identity_id = $1`,
    [identityId],
  )
  t.match(await ask(platform.token(), 'grant'), { status: 400, reason: /too_many/ })
  t.equal((await ask(platform.token(), 'grant', { client_id: clientId })).status, 200)
})

t.test('a token of a platform is in no log and in no table', async (t) => {
  const { server, platform, id, ask } = await place(t, { singleUse: true })
  await bound(server, id)
  const good = platform.token({ jti: 'jti-to-look-for' })
  const bad = signAssertion(
    keyPair('ES256'),
    { alg: 'ES256', kid: 'x' },
    { iss: platform.issuer, sub: 'secret-subject' },
  )
  await ask(good, 'grant')
  await ask(bad, 'exchange')
  const logged = server.log.join('\n') + server.warnings.join('\n')
  for (const token of [good, bad]) t.notMatch(logged, token.split('.')[2] as string)
  const used = await query(server, 'select * from used_assertions')
  t.notMatch(JSON.stringify(used), 'jti-to-look-for')
})

t.test('another realm is an issuer like any other', async (t) => {
  const { server, ask } = await place(t)
  await server.operations.realms.create(TESTER, 'factory', { audiences: [ACME] })
  const robot = await testClient(server, 'robot', 'factory', ['view'])
  const { body } = await server.app.inject('/realms/factory/protocol/openid-connect/certs')
  const issuer = `${PUBLIC_URL}/realms/factory`
  const keys = { source: 'jwks', jwks: JSON.parse(body) }
  const made = await server.operations.trustedIssuers.create(TESTER, 'acme', { issuer, keys })
  const { clientId } = await bound(server, made.issuer.id, [{ claim: 'sub', equals: robot.clientId }])
  const token = await tokenFor(server, 'factory', robot.clientId, robot.clientSecret, ACME)
  for (const shape of SHAPES) {
    const answer = await ask(token, shape)
    t.equal(decodeJwt(String(answer.body['access_token'])).sub, clientId, shape)
  }
  t.match(await ask(robot.token, 'grant'), { status: 400, reason: /audience/ })
})
