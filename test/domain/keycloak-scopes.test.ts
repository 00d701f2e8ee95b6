import t from 'tap'
import { planKeycloakImport } from '../../src/domain/keycloak-import.ts'
import { readKeycloakRealm } from '../../src/domain/keycloak-realm.ts'

/** A realm with one client whose service account has many roles; cut down from an export of version 26. */
function plan(client: object, realm: object = {}, withOwn = false) {
  const value = {
    realm: 'plant',
    roles: {
      realm: [
        { name: 'operator', composites: { realm: ['reader'] } },
        { name: 'reader' },
        { name: 'auditor' },
      ],
      client: {
        own: [{ name: 'start' }, { name: 'all', composites: { realm: ['auditor'] } }],
        other: [{ name: 'stop' }, { name: 'pause' }],
      },
    },
    clients: [{ clientId: 'own', secret: 'x', serviceAccountsEnabled: true, ...client }],
    users: [
      {
        serviceAccountClientId: 'own',
        id: 'u',
        realmRoles: ['operator', 'auditor'],
        clientRoles: { own: ['start'], other: ['stop', 'pause'] },
      },
    ],
    ...realm,
  }
  const plan = planKeycloakImport(readKeycloakRealm(value, undefined), {
    isWanted: () => true,
    withOwn,
    now: new Date(),
  })
  return { line: plan.accounts[0], left: plan.left.map(({ reason }) => reason).join('\n') }
}

t.test('a client without full scope gets its own roles and those of its scope mappings', async (t) => {
  const narrow = { fullScopeAllowed: false }
  const { line, left } = plan(narrow)
  t.same(line?.roles, ['auditor', 'own:start'], 'its own, with what its own roles bring along')
  t.match(left, /Roles operator other:pause other:stop reader: .*fullScopeAllowed is off/)
  const mapped = {
    scopeMappings: [{ client: 'own', roles: ['operator'] }],
    clientScopeMappings: { other: [{ client: 'own', roles: ['stop'] }] },
  }
  t.same(plan(narrow, mapped).line?.roles, ['auditor', 'operator', 'other:stop', 'own:start', 'reader'])
  const full = ['auditor', 'operator', 'other:pause', 'other:stop', 'own:start', 'reader']
  t.same(plan({}, mapped).line?.roles, full, 'with full scope all')
})

t.test('a scope mapping gives no role that the service account has not', async (t) => {
  const realm = {
    users: [{ serviceAccountClientId: 'own', id: 'u', realmRoles: ['reader'] }],
    scopeMappings: [{ client: 'own', roles: ['operator', 'auditor'] }],
  }
  t.same(plan({ fullScopeAllowed: false }, realm).line?.roles, ['reader'])
})

t.test(
  'the roles of a default scope count, and the scope is for accounts that have one of them',
  async (t) => {
    const client = { fullScopeAllowed: false, defaultClientScopes: ['orders', 'audits'] }
    const scopes = {
      clientScopes: [
        { name: 'orders', protocolMappers: [{ name: 'm', protocolMapper: 'oidc-foreign-mapper' }] },
        { name: 'audits' },
      ],
      users: [{ serviceAccountClientId: 'own', id: 'u', clientRoles: { other: ['stop'] } }],
    }
    const mappings = {
      scopeMappings: [{ clientScope: 'audits', roles: ['auditor'] }],
      clientScopeMappings: { other: [{ clientScope: 'orders', roles: ['stop'] }] },
    }
    const { line } = plan(client, { ...scopes, ...mappings })
    t.match(line, { roles: ['other:stop'], scopes: ['orders'] })
    const without = {
      ...scopes,
      ...mappings,
      clientScopeMappings: { other: [{ clientScope: 'orders', roles: ['pause'] }] },
    }
    const none = plan(client, without)
    t.match(none.line, { roles: [], scopes: [] })
    t.notMatch(none.left, /Mapper/, 'mappers of a scope that it has not are no loss')
  },
)

t.test('a client without the scope that puts roles into tokens gets none', async (t) => {
  const mapper = (of: string) => ({
    name: of,
    protocolMapper: `oidc-usermodel-${of}-role-mapper`,
    config: {},
  })
  const realm = { clientScopes: [{ name: 'roles', protocolMappers: [mapper('realm'), mapper('client')] }] }
  const none = plan({ defaultClientScopes: [] }, realm)
  t.same(none.line?.roles, [])
  t.match(none.left, /No mapper puts all of its roles into its tokens/)
  t.equal(plan({ defaultClientScopes: ['roles'] }, realm).line?.roles?.length, 6)
  const config = { 'claim.name': 'realm_access.roles' }
  const own = plan({ defaultClientScopes: [], protocolMappers: [{ ...mapper('realm'), config }] }, realm)
  t.same(own.line?.roles, ['auditor', 'operator', 'reader'], 'a mapper of the client itself')
  t.notMatch(own.left, /Mapper/)
})

t.test('what tokens have here and had not there is listed with the token profile', async (t) => {
  const realm = { clientScopes: [{ name: 'basic' }, { name: 'email' }] }
  const { left } = plan({ defaultClientScopes: ['email'] }, realm, true)
  t.match(left, /not the scope basic: its tokens have sub here/)
  t.notMatch(
    left,
    /scope email|scope acr/,
    'those that it has, and that its version of Keycloak does not know',
  )
})

t.test('scope mappings of other types are as if they were absent', async (t) => {
  for (const odd of [7, null, 'x', [7], [{ client: 7, roles: 'x' }], [{ roles: ['operator'] }]])
    t.same(
      plan({ fullScopeAllowed: false }, { scopeMappings: odd, clientScopeMappings: { other: odd } }).line
        ?.roles,
      ['auditor', 'own:start'],
    )
  const odd = { clientScopeMappings: 7 }
  t.same(plan({ fullScopeAllowed: false }, odd).line?.roles, ['auditor', 'own:start'])
})
