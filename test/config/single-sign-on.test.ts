import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { temporaryFolder } from '../support/process.ts'

const COMPLETE = {
  PORTAL_OIDC_ISSUER: 'https://id.acme.test',
  PORTAL_OIDC_CLIENT_ID: 'mintmark',
  PORTAL_OIDC_ADMIN_VALUE: '{realm}-admin',
}

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    return (error as { faults: readonly string[] }).faults
  }
}

t.test('single sign-on is off without an issuer', async (t) => {
  t.equal(loadConfig({}).singleSignOn, undefined)
  t.same(faultsOf({ PORTAL_OIDC_CLIENT_ID: 'x' }), [
    'PORTAL_OIDC_ISSUER is needed with PORTAL_OIDC_CLIENT_ID',
  ])
})

t.test('issuer, client and the administrators’ value are enough', async (t) => {
  t.same(loadConfig(COMPLETE).singleSignOn, {
    issuer: 'https://id.acme.test',
    clientId: 'mintmark',
    clientSecret: undefined,
    clientSecretFile: undefined,
    scope: 'openid profile email',
    accessClaim: 'roles',
    claimIsSpaceSeparated: false,
    adminValue: '{realm}-admin',
    viewerValue: undefined,
    platformValue: undefined,
  })
})

t.test('the secret comes from a variable or a file, not both', async (t) => {
  const file = join(temporaryFolder(t), 'secret')
  writeFileSync(file, 'from the file\n')
  const secretOf = (more: Record<string, string>) =>
    loadConfig({ ...COMPLETE, ...more }).singleSignOn?.clientSecret
  t.equal(secretOf({ PORTAL_OIDC_CLIENT_SECRET: 'plain' }), 'plain')
  t.equal(secretOf({ PORTAL_OIDC_CLIENT_SECRET_FILE: file }), 'from the file')
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_CLIENT_SECRET: 'x', PORTAL_OIDC_CLIENT_SECRET_FILE: file }), [
    /both set/,
  ])
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_CLIENT_SECRET_FILE: '/proc/none' }), [/cannot be read: ENOENT/])
})

t.test('all faults are reported at once, by name', async (t) => {
  t.same(faultsOf({ PORTAL_OIDC_ISSUER: 'http://id.acme.test', PORTAL_OIDC_SCOPE: 'profile' }), [
    'PORTAL_OIDC_ISSUER must be an https URL (http is for a provider on localhost)',
    'PORTAL_OIDC_CLIENT_ID is needed with PORTAL_OIDC_ISSUER',
    'PORTAL_OIDC_SCOPE must contain openid',
    'PORTAL_OIDC_ADMIN_VALUE is needed with PORTAL_OIDC_ISSUER',
  ])
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_ISSUER: 'nonsense' }), [/must be an https URL/])
  t.same(faultsOf({ ...COMPLETE, PORTAL_OIDC_ISSUER: 'http://localhost:9000' }), [])
})

t.test('no administrator of a realm can be one of the platform by their value', async (t) => {
  const faults = (value: string, more: Record<string, string> = {}) =>
    faultsOf({ ...COMPLETE, ...more, PORTAL_OIDC_PLATFORM_VALUE: value })
  t.same(faults('mintmark-root'), [])
  for (const value of ['system-admin', 'acme-admin', 'x-admin'])
    t.match(faults(value), [/PORTAL_OIDC_PLATFORM_VALUE .* can be \{realm\}-admin for a realm/], value)
  t.match(faults('admin', { PORTAL_OIDC_ADMIN_VALUE: 'admin' }), [/can be admin/])
  t.match(faults('viewer', { PORTAL_OIDC_VIEWER_VALUE: 'viewer' }), [/can be viewer/])
  t.match(faults('{realm}-root'), [/must not contain \{realm\}/])
  const perRealm = { PORTAL_OIDC_ISSUER: 'https://id.acme.test/{realm}' }
  t.match(faults('system-admin', perRealm), [/can be/])
  t.same(faults('acme-admin', perRealm), [], 'the provider of realm system alone is asked')
})

t.test('providers that differ by realm share no client secret', async (t) => {
  const file = join(temporaryFolder(t), 'secret')
  writeFileSync(file, 'one for all')
  const perRealm = { ...COMPLETE, PORTAL_OIDC_ISSUER: 'https://id.acme.test/{realm}' }
  const wanted = /set PORTAL_OIDC_CLIENT_SECRET_FILE to a path with \{realm\}/
  t.match(faultsOf({ ...perRealm, PORTAL_OIDC_CLIENT_SECRET: 'x' }), [wanted])
  t.match(faultsOf({ ...perRealm, PORTAL_OIDC_CLIENT_SECRET_FILE: file }), [wanted])
  t.same(faultsOf(perRealm), [], 'a public client has none')
  const { singleSignOn } = loadConfig({ ...perRealm, PORTAL_OIDC_CLIENT_SECRET_FILE: '/run/oidc/{realm}' })
  t.match(singleSignOn, { clientSecret: undefined, clientSecretFile: '/run/oidc/{realm}' })
})

t.test('a viewer of one realm can be no administrator of another', async (t) => {
  const faults = (admin: string, viewer: string, issuer = COMPLETE.PORTAL_OIDC_ISSUER) =>
    faultsOf({
      ...COMPLETE,
      PORTAL_OIDC_ISSUER: issuer,
      PORTAL_OIDC_ADMIN_VALUE: admin,
      PORTAL_OIDC_VIEWER_VALUE: viewer,
    })
  for (const [admin, viewer] of [
    ['{realm}-admin', '{realm}'],
    ['{realm}', '{realm}-viewer'],
    ['a-{realm}', '{realm}-b'],
    ['ab_{realm}', '{realm}_c'],
    ['admin', '{realm}'],
    ['{realm}', 'viewer'],
    ['admin-{realm}', 'admin-x-{realm}'],
    ['{realm}-{realm}', '{realm}'],
  ] as const)
    t.match(faults(admin, viewer), [/can be PORTAL_OIDC_ADMIN_VALUE/], `${admin} ${viewer}`)
  for (const [admin, viewer] of [
    ['{realm}-admin', '{realm}-viewer'],
    ['admin:{realm}', 'viewer:{realm}'],
    ['{realm}_admin', '{realm}'],
    ['admin', 'viewer'],
    ['Admin', '{realm}'],
  ] as const)
    t.same(faults(admin, viewer), [], `${admin} ${viewer}`)
  t.match(faults('{realm}', '{realm}'), [/must differ/])
  t.match(faults('x', 'x', 'https://{realm}.test'), [/must differ/])
  t.same(
    faults('{realm}-admin', '{realm}', 'https://{realm}.test'),
    [],
    'each realm has a provider of its own',
  )
})

t.test('a text of the claim is one value, unless it is said to hold several', async (t) => {
  const isSeparated = (format: string) =>
    loadConfig({ ...COMPLETE, PORTAL_OIDC_CLAIM_FORMAT: format }).singleSignOn?.claimIsSpaceSeparated
  t.equal(isSeparated('values'), false)
  t.equal(isSeparated('space-separated'), true)
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_CLAIM_FORMAT: 'csv' }), [
    'PORTAL_OIDC_CLAIM_FORMAT must be values or space-separated',
  ])
})
