import t, { type Test } from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { TESTER, testServer } from '../support/server.ts'

async function platform(t: Test) {
  const server = await testServer(t)
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  await server.operations.realms.create(TESTER, 'acme')
  const root = asking(server, (await adminToken(server, 'system', ['platform-admin'])).token)
  const admin = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  return { server, root, admin }
}

const BOUNDS = {
  max_token_lifetime_seconds: 600,
  min_key_rotation_seconds: 86_400,
  max_key_rotation_seconds: 180 * 86_400,
  min_jwks_max_age_seconds: 60,
  max_jwks_max_age_seconds: 3600,
  algorithms: ['ES256', 'EdDSA'],
  leaked_secret_actions: ['disable'],
  introspection_audiences: ['served'],
  audit_retention_days: 365,
  min_audit_retention_days: 90,
  max_audit_retention_days: 730,
  max_resources_per_realm: 100_000,
}

const BEYOND: [string, unknown, string][] = [
  ['token_lifetime_seconds', 601, 'from 30 to 600'],
  ['key_rotation_seconds', 200 * 86_400, 'from 86400 to 15552000'],
  ['key_rotation_seconds', 315_360_000, 'from 86400 to 15552000'],
  ['jwks_max_age_seconds', 59, 'from 60 to 3600'],
  ['jwks_max_age_seconds', 3601, 'from 60 to 3600'],
  ['algorithm', 'RS256', 'one of ES256, EdDSA'],
  ['leaked_secret_action', 'alert', 'one of disable'],
  ['introspection_audiences', 'all', 'one of served'],
  ['audit_retention_days', 89, 'null, or from 90 to 730'],
  ['audit_retention_days', 731, 'null, or from 90 to 730'],
]

t.test('an administrator of a realm sets nothing beyond the bounds of the platform', async (t) => {
  const { root, admin } = await platform(t)
  const set = await root('PATCH', '/admin/policy', BOUNDS)
  t.match(set, { status: 200, body: { ...BOUNDS, realms_beyond: [] } })
  t.same((await admin('GET', '/admin/policy')).body, BOUNDS, 'it can read them')
  for (const [name, value, must] of BEYOND) {
    const refused = await admin('PATCH', '/admin/realms/acme', { [name]: value })
    t.match(refused, { status: 400, body: { field: name } }, name)
    t.equal(refused.body.detail, `${name} must be ${must}, by the policy of this platform.`)
  }
  const short = { key_publish_seconds: 3600, jwks_max_age_seconds: 60, key_rotation_seconds: 7200 }
  t.equal((await admin('PATCH', '/admin/realms/acme', short)).body.field, 'key_rotation_seconds')
  const within = { token_lifetime_seconds: 600, key_rotation_seconds: 180 * 86_400, algorithm: 'EdDSA' }
  t.match(await admin('PATCH', '/admin/realms/acme', within), { status: 200, body: within })
  const kept = await root('PATCH', '/admin/policy', { audit_retention_days: null })
  t.match(kept.body, { max_token_lifetime_seconds: 600, audit_retention_days: null })
})

t.test('a value beyond a new bound stays until it changes, and is listed for the platform', async (t) => {
  const { root, admin } = await platform(t)
  const old = { token_lifetime_seconds: 3600, leaked_secret_action: 'alert' }
  t.equal((await admin('PATCH', '/admin/realms/acme', old)).status, 200)
  t.same((await root('PATCH', '/admin/policy', BOUNDS)).body.realms_beyond, ['acme'])
  const renamed = await admin('PATCH', '/admin/realms/acme', { display_name: 'Acme', ...old })
  t.match(renamed, { status: 200, body: old })
  t.equal((await admin('PATCH', '/admin/realms/acme', { token_lifetime_seconds: 3599 })).status, 400)
  const back = { token_lifetime_seconds: 300, leaked_secret_action: 'disable' }
  t.equal((await admin('PATCH', '/admin/realms/acme', back)).status, 200)
  t.equal((await admin('PATCH', '/admin/realms/acme', old)).status, 400)
  t.same((await root('GET', '/admin/policy')).body.realms_beyond, [])
  const exception = await root('PATCH', '/admin/realms/acme', old)
  t.match(exception, { status: 200, body: old }, 'a platform administrator makes an exception')
  t.same((await root('GET', '/admin/policy')).body.realms_beyond, ['acme'])
})

t.test('a new realm is within the bounds where nothing else is said', async (t) => {
  const { root } = await platform(t)
  const tight = {
    max_token_lifetime_seconds: 60,
    max_key_rotation_seconds: 86_400,
    min_jwks_max_age_seconds: 3600,
    algorithms: ['EdDSA'],
  }
  await root('PATCH', '/admin/policy', tight)
  t.match(await root('POST', '/admin/realms', { name: 'fresh' }), {
    status: 201,
    body: {
      token_lifetime_seconds: 60,
      key_rotation_seconds: 86_400,
      key_publish_seconds: 43_200,
      jwks_max_age_seconds: 3600,
      algorithm: 'EdDSA',
    },
  })
})

t.test('a policy that no realm could keep is refused, naming the member', async (t) => {
  const { root } = await platform(t)
  for (const [field, value] of [
    ['max_token_lifetime_seconds', 29],
    ['max_token_lifetime_seconds', 3601],
    ['max_key_rotation_seconds', 86_399],
    ['min_key_rotation_seconds', 3651 * 86_400],
    ['min_key_rotation_seconds', 1],
    ['max_jwks_max_age_seconds', 86_401],
    ['min_jwks_max_age_seconds', 3601],
    ['algorithms', []],
    ['algorithms', ['none']],
    ['algorithms', ['ES256', 'ES256']],
    ['leaked_secret_actions', ['ignore']],
    ['audit_retention_days', 29],
    ['unknown', 1],
  ] as const)
    t.match(await root('PATCH', '/admin/policy', { [field]: value }), { status: 400 }, `${field} ${value}`)
})

t.test('only platform administrators change the policy, and each change is in the trail', async (t) => {
  const { server, root, admin } = await platform(t)
  t.equal((await admin('PATCH', '/admin/policy', BOUNDS)).status, 403)
  const viewer = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  t.equal((await viewer('GET', '/admin/policy')).status, 403)
  const read = await root('GET', '/admin/policy')
  const etag = read.headers['etag'] as string
  const change = { max_token_lifetime_seconds: 900 }
  const changed = await root('PATCH', '/admin/policy', change, { 'if-match': etag })
  t.equal(changed.status, 200)
  t.equal((await root('PATCH', '/admin/policy', change, { 'if-match': etag })).status, 412)
  const same = await root('PATCH', '/admin/policy', change)
  t.equal(same.headers['etag'], changed.headers['etag'], 'what changes nothing is no change')
  const { items } = (await root('GET', '/admin/audit-events?action=policy.update')).body
  t.match(items, [
    { outcome: 'refused', details: { code: 'changed_meanwhile' } },
    {
      outcome: 'done',
      details: { before: { maxTokenLifetimeSeconds: 3600 }, after: { maxTokenLifetimeSeconds: 900 } },
    },
  ])
})
