import t, { type Test } from 'tap'
import {
  createVerifier,
  requireRole,
  requireScope,
  TokenError,
  type VerifierOptions,
} from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

async function started(t: Test, options: Partial<VerifierOptions> = {}) {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    now: issuer.now,
    ...options,
  })
  return { issuer, verifier, token: await verifier.verify(await issuer.token()) }
}

const OMITTED = { roles: [], authorization_details: undefined, authorization_details_omitted: true }

t.test('a token is read into what it says', async (t) => {
  const { issuer, token } = await started(t)
  t.match(token, {
    issuer: issuer.url,
    subject: 'sa-1',
    clientId: 'sa-1',
    audience: ['https://api.example'],
    scope: ['devices:read', 'devices:write'],
    roles: ['view'],
    authorizationDetailsOmitted: false,
    id: 'jti-1',
  })
  t.equal(token.expiresAt.getTime() - token.issuedAt.getTime(), 300_000)
})

t.test('a token that says nothing of scope, roles and permissions has none', async (t) => {
  for (const scope of [undefined, '']) {
    const nothing = { scope, roles: undefined, authorization_details: undefined }
    const { issuer, verifier } = await started(t)
    const token = await verifier.verify(await issuer.token(nothing))
    t.same([token.scope, token.roles, token.authorizationDetails], [[], [], []])
    t.throws(() => requireScope(token, ''), { code: 'insufficient_scope' })
    t.equal(await verifier.mayOn(token, { type: 'device', id: 'pump-1' }, 'view'), false)
  }
})

t.test('scope and roles are needed whole', async (t) => {
  const { token } = await started(t)
  requireScope(token, 'devices:read')
  requireRole(token, 'view')
  t.throws(() => requireScope(token, 'devices'), {
    code: 'insufficient_scope',
    status: 403,
    scope: 'devices',
  })
  t.throws(() => requireRole(token, 'manage'), { code: 'insufficient_role', status: 403 })
})

t.test('a role counts on the realm, on the object, or on one of its groups', async (t) => {
  const { verifier, token } = await started(t)
  const device = { type: 'device', id: 'd1' }
  t.ok(await verifier.mayOn(token, device, 'view'))
  t.notOk(await verifier.mayOn(token, device, 'operate'))
  t.ok(await verifier.mayOn(token, { ...device, groups: ['us', 'eu-edge'] }, 'operate'))
  t.notOk(await verifier.mayOn(token, { type: 'gateway', id: 'g', groups: ['eu-edge'] }, 'operate'))
  t.ok(await verifier.mayOn(token, { type: 'device_group', id: 'eu-edge' }, 'operate'))
  await verifier.requireRoleOn(token, { ...device, groups: ['eu-edge'] }, 'operate')
  await t.rejects(verifier.requireRoleOn(token, device, 'operate'), {
    code: 'insufficient_permission',
    status: 403,
    reason: 'operate on device d1',
  })
})

t.test('an entry without an identifier permits nothing', async (t) => {
  const { issuer, verifier } = await started(t)
  const details = [{ type: 'device', privileges: ['operate'] }]
  const token = await verifier.verify(await issuer.token({ authorization_details: details }))
  t.notOk(await verifier.mayOn(token, { type: 'device', id: 'd1' }, 'operate'))
})

t.test('permissions that a token left out are asked for once', async (t) => {
  const { issuer, verifier } = await started(t, { introspection: { clientId: 'rs:1', clientSecret: 'ü %' } })
  let authorization: string | undefined
  issuer.intercept = (path, _response, request) => {
    if (path === 'token/introspect') authorization = request.headers.authorization
    return false
  }
  issuer.introspectionAnswer = {
    active: true,
    authorization_details: [{ type: 'device', identifier: 'd1', privileges: ['operate'] }],
  }
  const token = await verifier.verify(await issuer.token(OMITTED))
  t.ok(token.authorizationDetailsOmitted)
  const ask = (id: string) => verifier.mayOn(token, { type: 'device', id }, 'operate')
  t.same(await Promise.all([ask('d1'), ask('d2'), ask('d1')]), [true, false, true])
  t.equal(issuer.fetches.introspection, 1)
  t.equal(Buffer.from((authorization as string).slice(6), 'base64').toString(), 'rs%3A1:%C3%BC+%25')
})

t.test('where the issuer says no more, nothing is permitted', async (t) => {
  const { issuer, verifier } = await started(t, { introspection: { clientId: 'a', clientSecret: 'b' } })
  const target = { type: 'device', id: 'd1' }
  const attempt = async () =>
    verifier.mayOn(await verifier.verify(await issuer.token(OMITTED)), target, 'operate')
  await t.rejects(attempt(), { code: 'revoked', status: 401 })
  issuer.introspectionAnswer = { active: true, authorization_details: 'x' }
  await t.rejects(attempt(), { code: 'invalid_claim' })
  issuer.intercept = (path, response) => {
    if (path !== 'token/introspect') return false
    response.writeHead(401).end()
    return true
  }
  await t.rejects(attempt(), { code: 'introspection_unavailable', status: 503 })
})

t.test('a program that cannot introspect gets an error code', async (t) => {
  const { issuer, verifier } = await started(t)
  const token = await verifier.verify(await issuer.token(OMITTED))
  const error = await verifier.mayOn(token, { type: 'device', id: 'd1' }, 'operate').catch((e: unknown) => e)
  t.type(error, TokenError)
  t.match(error, { code: 'details_omitted', status: 500, headers: {}, body: { error: 'server_error' } })
})
