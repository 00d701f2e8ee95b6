import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { createVerifier } from '../../packages/verifier/src/index.ts'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { acme, basic, introspect, post, testClient } from '../support/introspection.ts'
import { PUBLIC_URL, TESTER } from '../support/server.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`
const SUBJECT = '37cbe3b5-65a6-491c-95dd-191d85f6a889'
const ROLES = ['operator', 'api:read', 'api:write', 'Worker:self', 'worker:self', 'account:view-profile']

/** A realm in the shape of Keycloak, with the client of which a token of Keycloak 26.4 was looked at. */
async function moved(t: Test, settings: object = {}) {
  const world = await acme(t)
  const { server } = world
  const ask = await platformAdministrator(server)
  const roles = ROLES.filter((role) => role === role.toLowerCase())
  const changed = await ask('PATCH', '/admin/realms/acme', {
    token_profile: 'keycloak',
    roles,
    scopes: ['profile', 'email'],
    ...settings,
  })
  t.match(changed, { status: 200, body: { token_profile: 'keycloak' } })
  const secret = 'a secret of the old server'
  const line = { client_id: 'Worker', name: 'Worker', roles, subject: SUBJECT, client_secret: secret }
  t.match(await server.operations.accounts.import(TESTER, 'acme', [line]), [{ status: 'created' }])
  const form = { grant_type: 'client_credentials', client_id: 'Worker', client_secret: secret }
  const token = async (more: object = {}) => {
    const answer = await post(server, 'token', { ...form, ...more })
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return answer.json().access_token as string
  }
  return { ...world, ask, token, form }
}

t.test('a token has the header and the claims of Keycloak, and status', async (t) => {
  const { token, ask } = await moved(t)
  const text = await token()
  t.match(decodeProtectedHeader(text), { typ: 'JWT' })
  const { exp, iat, jti, status, ...claims } = decodeJwt(text)
  t.same(claims, {
    iss: ISSUER,
    aud: ['api', 'worker', 'account'],
    sub: SUBJECT,
    typ: 'Bearer',
    azp: 'Worker',
    acr: '1',
    realm_access: { roles: ['operator'] },
    resource_access: {
      api: { roles: ['read', 'write'] },
      worker: { roles: ['self'] },
      account: { roles: ['view-profile'] },
    },
    scope: 'profile email',
    clientHost: '127.0.0.1',
    clientAddress: '127.0.0.1',
    email_verified: false,
    preferred_username: 'service-account-worker',
    client_id: 'Worker',
  })
  t.match(status, { status_list: { uri: /^https/ } })
  await ask('PATCH', '/admin/realms/acme', { token_profile: 'rfc9068' })
  const plain = decodeJwt(await token())
  t.match(plain, { sub: 'Worker', roles: ['operator'] })
  t.notOk('realm_access' in plain || 'typ' in plain)
})

t.test('claims that have nothing to say are left out, as Keycloak does', async (t) => {
  const { server, client, ask, token } = await moved(t)
  const account = '/admin/realms/acme/service-accounts/Worker'
  await ask('PATCH', account, { roles: ['operator'] })
  const one = decodeJwt(await token())
  t.notOk('aud' in one || 'resource_access' in one)
  await ask('PATCH', account, { roles: ['api:read'] })
  t.match(decodeJwt(await token()), { aud: 'api', resource_access: { api: { roles: ['read'] } } })
  t.notOk('realm_access' in decodeJwt(await token()))
  await ask('PATCH', '/admin/realms/acme', { audiences: ['https://api.test'] })
  t.match(decodeJwt(await token()), { aud: ['https://api.test', 'api'] })
  t.match(decodeJwt(await token({ resource: ISSUER })), { aud: [ISSUER, 'api'] })
  const own = { ...client, client_id: client.clientId, client_secret: client.clientSecret }
  const answer = await post(server, 'token', { grant_type: 'client_credentials', ...own } as never)
  t.equal(decodeJwt(answer.json().access_token).sub, client.clientId, 'without a subject it is the client_id')
})

t.test('introspection has the shape of Keycloak, less the roles that the account lost', async (t) => {
  const { server, resourceServer, ask, token } = await moved(t)
  const text = await token()
  const told = JSON.parse(await introspect(server, resourceServer, text))
  t.match(told, {
    active: true,
    token_type: 'Bearer',
    typ: 'Bearer',
    username: 'service-account-worker',
    client_id: 'Worker',
    sub: SUBJECT,
    realm_access: { roles: ['operator'] },
  })
  t.notOk('roles' in told || 'status' in told)
  await ask('PATCH', '/admin/realms/acme/service-accounts/Worker', { roles: ['api:read'] })
  const later = JSON.parse(await introspect(server, resourceServer, text))
  t.same(later.resource_access, { api: { roles: ['read'] } })
  t.notOk('realm_access' in later)
  t.equal(
    (
      await post(server, 'revoke', {
        token: text,
        client_id: 'Worker',
        client_secret: 'a secret of the old server',
      })
    ).statusCode,
    200,
  )
  t.same(JSON.parse(await introspect(server, resourceServer, text)), { active: false })
})

t.test('a settings claim replaces what Keycloak has mappers for, and never type or roles', async (t) => {
  const { ask, token } = await moved(t)
  const claims = [
    { claim: 'preferred_username', value: 'other' },
    { claim: 'clientId', from: 'client_id' },
    { claim: 'typ', value: 'ID' },
    { claim: 'realm_access.roles', value: ['account-admin'] },
    { claim: 'resource_access', value: { api: { roles: ['admin'] } } },
  ]
  t.equal((await ask('PATCH', '/admin/realms/acme', { claims })).status, 200)
  t.match(decodeJwt(await token()), {
    preferred_username: 'other',
    clientId: 'Worker',
    typ: 'Bearer',
    realm_access: { roles: ['operator'] },
  })
  await ask('PATCH', '/admin/realms/acme/service-accounts/Worker', { roles: [] })
  const bare = decodeJwt(await token())
  t.notOk('realm_access' in bare || 'resource_access' in bare, 'also where the account has no roles')
})

t.test('roles of a token in this shape count where this server asks for them, and only those', async (t) => {
  const { server, ask, token } = await moved(t)
  const admin = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal((await admin('GET', '/admin/realms/acme')).status, 200)
  const viewer = await token({ resource: `${PUBLIC_URL}/admin` })
  t.equal((await asking(server, viewer)('GET', '/admin/realms/acme')).status, 403)
  const before = await token({ resource: `${PUBLIC_URL}/admin` })
  await ask('PATCH', '/admin/realms/acme/service-accounts/Worker', { roles: ['account-admin'] })
  t.equal(
    (await asking(server, before)('GET', '/admin/realms/acme')).status,
    403,
    'the token does not say so',
  )
  const asker = await testClient(server, 'asker', 'acme', ['introspect'])
  const answer = await post(
    server,
    'token/introspect',
    { token: before },
    { authorization: `Bearer ${asker.token}` },
  )
  t.match(answer.json(), { active: true })
  t.equal(
    (
      await post(
        server,
        'token/introspect',
        { token: before },
        { authorization: `Bearer ${await token({ resource: ISSUER })}` },
      )
    ).statusCode,
    403,
  )
  t.equal(
    (await post(server, 'token/introspect', { token: before }, { authorization: basic(asker) })).statusCode,
    200,
  )
})

t.test('a subject is of one account alone, and comes by import alone', async (t) => {
  const { server, ask, client } = await moved(t)
  const take = (line: object) => server.operations.accounts.import(TESTER, 'acme', [line])
  const conflict = [{ status: 'refused', refusal: { code: 'conflict' } }]
  t.match(await take({ client_id: 'b', name: 'b', subject: SUBJECT }), conflict)
  t.match(
    await take({ client_id: 'b', name: 'b', subject: client.clientId }),
    conflict,
    'nor the client_id of another',
  )
  t.match(await take({ client_id: SUBJECT, name: 'b' }), conflict, 'nor the other way')
  t.match(await take({ client_id: 'b', name: 'b', subject: 'two words' }), [{ status: 'refused' }])
  const twice = [
    { client_id: 'c', name: 'c', subject: 'same' },
    { client_id: 'd', name: 'd', subject: 'same' },
    { client_id: 'e', name: 'e', subject: 'c' },
    { client_id: 'f', name: 'f', subject: 'f' },
  ]
  const statuses = (await server.operations.accounts.import(TESTER, 'acme', twice)).map(
    ({ status }) => status,
  )
  t.same(statuses, ['created', 'refused', 'refused', 'created'])
  t.match(await take({ client_id: 'f', name: 'f', subject: 'same' }), conflict, 'nor by a change')
  t.match(await take({ client_id: 'f', name: 'f', subject: 'own' }), [{ status: 'updated' }])
  t.match(await take({ client_id: 'f', name: 'f', subject: 'own' }), [{ status: 'unchanged' }])
  t.match(await take({ client_id: 'g', name: 'g', subject: 'f' }), conflict, 'a client_id stays taken')
  const path = '/admin/realms/acme/service-accounts'
  t.equal((await ask('GET', `${path}/f`)).body.subject, 'own')
  t.equal((await ask('PATCH', `${path}/f`, { subject: 'x' })).status, 400)
  t.equal((await ask('POST', path, { name: 'x', subject: 'x' })).status, 400)
  const brought = { client_id: 'own', client_secret: 'kX8-vq2W_tR7nPz4mB' }
  t.equal((await ask('POST', path, { name: 'x', ...brought })).status, 409)
  t.equal((await ask('DELETE', `${path}/f`)).status, 204)
  t.match(
    await take({ client_id: 'g', name: 'g', subject: 'own' }),
    [{ status: 'created' }],
    'deleted, it is free',
  )
})

t.test('the verifier reads the shape of Keycloak with its profile, and no other token', async (t) => {
  const { server, token, ask } = await moved(t)
  const origin = await server.app.listen({ port: 0, host: '127.0.0.1' })
  const options = { issuer: ISSUER, audience: 'api', reachIssuerAt: `${origin}/realms/acme` }
  const verifier = createVerifier({ ...options, profile: 'keycloak', now: () => server.clock.now.getTime() })
  const text = await token()
  const verified = await verifier.verify(text)
  t.match(verified, { subject: SUBJECT, clientId: 'Worker', scope: ['profile', 'email'] })
  t.same([...verified.roles].sort(), ROLES.filter((role) => role === role.toLowerCase()).sort())
  t.ok(await verifier.mayOn(verified, { type: 'device', id: 'x' }, 'api:read'))
  const strict = createVerifier({ ...options, now: () => server.clock.now.getTime() })
  await t.rejects(strict.verify(text), { code: 'wrong_type' })
  await ask('PATCH', '/admin/realms/acme', { token_profile: 'rfc9068', token_type_header: 'JWT' })
  await t.rejects(verifier.verify(await token({ audience: 'x' }).catch(() => token())), { code: /./ })
  t.throws(() => createVerifier({ ...options, profile: 'cognito' as never }), /profile/)
})
