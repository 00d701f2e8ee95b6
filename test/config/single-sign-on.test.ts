import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { temporaryFolder } from '../support/process.ts'

const COMPLETE = {
  PORTAL_OIDC_ISSUER: 'https://id.acme.test/{realm}',
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

t.test('without an issuer there is no single sign-on', async (t) => {
  t.equal(loadConfig({}).singleSignOn, undefined)
  t.same(faultsOf({ PORTAL_OIDC_CLIENT_ID: 'x' }), [
    'PORTAL_OIDC_ISSUER is needed with PORTAL_OIDC_CLIENT_ID',
  ])
})

t.test('issuer, client and the administrators’ value are enough', async (t) => {
  t.same(loadConfig(COMPLETE).singleSignOn, {
    issuer: 'https://id.acme.test/{realm}',
    clientId: 'mintmark',
    clientSecret: undefined,
    scope: 'openid profile email',
    accessClaim: 'roles',
    adminValue: '{realm}-admin',
    viewerValue: undefined,
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
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_CLIENT_SECRET_FILE: '/nonexistent' }), [
    /cannot be read: ENOENT/,
  ])
})

t.test('every fault is told at once, by name', async (t) => {
  t.same(faultsOf({ PORTAL_OIDC_ISSUER: 'http://id.acme.test', PORTAL_OIDC_SCOPE: 'profile' }), [
    'PORTAL_OIDC_ISSUER must be an https URL (http is for a provider on localhost)',
    'PORTAL_OIDC_CLIENT_ID is needed with PORTAL_OIDC_ISSUER',
    'PORTAL_OIDC_SCOPE must contain openid',
    'PORTAL_OIDC_ADMIN_VALUE is needed with PORTAL_OIDC_ISSUER',
  ])
  t.match(faultsOf({ ...COMPLETE, PORTAL_OIDC_ISSUER: 'nonsense' }), [/must be an https URL/])
  t.same(faultsOf({ ...COMPLETE, PORTAL_OIDC_ISSUER: 'http://localhost:9000' }), [])
})
