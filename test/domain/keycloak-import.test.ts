import t from 'tap'
import { planKeycloakImport } from '../../src/domain/keycloak-import.ts'
import { readKeycloakRealm } from '../../src/domain/keycloak-realm.ts'
import { keycloakExport } from '../support/keycloak-export.ts'

const plan = (value: unknown = keycloakExport(), isWanted = (_clientId: string) => true, withOwn = false) =>
  planKeycloakImport(readKeycloakRealm(value, undefined), { isWanted, withOwn, now: new Date() })

const reasons = (clientId: string, of = plan()) =>
  of.left.filter((one) => one.clientId === clientId).map(({ reason }) => reason)

t.test('a confidential client with a service account is taken over with what can be said here', async (t) => {
  const { accounts, audiences } = plan()
  t.same(
    accounts.map(({ clientId }) => clientId),
    ['billing-job', 'warehouse', 'masked', 'weak', 'narrow'],
  )
  t.same(accounts[0], {
    clientId: 'billing-job',
    name: 'Billing job',
    description: 'Nightly',
    enabled: true,
    roles: ['billing', 'reports', 'warehouse:stock-read'],
    scopes: ['orders'],
    claims: [{ claim: 'tenant.id', value: 7 }],
    subject: 'b919c610-fb3a-45a1-a921-472ef10d01ee',
    clientSecret: 'kX8vq2WtR7nPz4mBkX8vq2WtR7nPz4mB',
    secretCreatedAt: new Date(1_700_000_000_000),
    oldClientSecret: null,
  })
  t.match(accounts[1], { clientId: 'warehouse', name: 'warehouse', enabled: false, roles: [], scopes: [] })
  t.same(audiences.get('billing-job'), ['warehouse'])
})

t.test('each client that is not taken over is listed with the reason', async (t) => {
  t.match(reasons('web'), [/public/])
  t.match(reasons('api'), [/bearerOnly/])
  t.match(reasons('login'), [/no service account/])
  t.match(reasons('jwt'), [/client-jwt/])
  t.match(reasons('https://api.test/x'), [/client_id/])
  t.match(reasons('saml'), [/saml/])
})

t.test('each part of a client that is not taken over is listed with the reason', async (t) => {
  const told = reasons('billing-job').join('\n')
  for (const part of [
    /Optional scope extra/,
    /Mapper “groups” \(oidc-group-membership-mapper\)/,
    /60 s/,
    /It is in groups/,
    /Role Upper/,
    /manage-users: it administers/,
  ])
    t.match(told, part)
  t.notMatch(told, /phone|offline_access|default-roles/)
  t.match(reasons('warehouse').join(), /log in/)
})

t.test('a role with the name of a built-in one is never given', async (t) => {
  t.match(reasons('billing-job').join('\n'), /Role account-admin/)
  t.notOk(plan().accounts.some(({ roles }) => roles?.includes('account-admin')))
})

t.test('a client without full scope gets no roles, since its tokens had fewer', async (t) => {
  t.same(plan().accounts.find(({ clientId }) => clientId === 'narrow')?.roles, [])
  t.match(reasons('narrow'), [/fullScopeAllowed/])
})

t.test('a masked, missing or weak secret gives an account without one', async (t) => {
  for (const clientId of ['masked', 'weak']) {
    t.equal(plan().accounts.find((one) => one.clientId === clientId)?.clientSecret, undefined)
    t.match(reasons(clientId).join(), /until you reset it/)
  }
  const vault = {
    realm: 'x',
    clients: [{ clientId: 'a', secret: '$' + '{vault.a}', serviceAccountsEnabled: true }],
  }
  t.match(reasons('a', plan(vault)).join(), /vault/)
  const none = { realm: 'x', clients: [{ clientId: 'a', serviceAccountsEnabled: true }] }
  t.match(reasons('a', plan(none)).join(), /no secret/)
})

t.test('an export without users says that roles are missing', async (t) => {
  const { users: _users, ...rest } = keycloakExport()
  t.match(plan(rest).notes.join(), /no users/)
  t.notMatch(plan().notes.join(), /no users/)
})

t.test('roles that bring each other along are read once', async (t) => {
  const realm = {
    realm: 'x',
    clients: [{ clientId: 'a', serviceAccountsEnabled: true }],
    roles: {
      realm: [
        { name: 'b', composites: { realm: ['c'] } },
        { name: 'c', composites: { realm: ['b'] } },
      ],
    },
    users: [{ serviceAccountClientId: 'a', realmRoles: ['b'] }],
  }
  t.same(plan(realm).accounts[0]?.roles, ['b', 'c'])
})

t.test('what is no realm is refused, and members of another type are as if absent', async (t) => {
  for (const value of [null, 7, 'x', [], {}, { realm: 'x' }, { realm: 'x', clients: {} }])
    t.throws(() => readKeycloakRealm(value, undefined), { code: 'invalid' })
  const two = [
    { realm: 'a', clients: [] },
    { realm: 'b', clients: [] },
  ]
  t.throws(() => readKeycloakRealm(two, undefined), { code: 'invalid' })
  t.throws(() => readKeycloakRealm(two, 'c'), { code: 'invalid' })
  t.equal(readKeycloakRealm(two, 'b').name, 'b')
  const odd = {
    realm: 7,
    clients: [
      null,
      7,
      [],
      {},
      { clientId: 7, serviceAccountsEnabled: true },
      {
        clientId: 'a',
        secret: {},
        protocolMappers: 'x',
        serviceAccountsEnabled: true,
        attributes: null,
        defaultClientScopes: [7],
      },
    ],
    clientScopes: 'x',
    roles: [],
    users: [null, { serviceAccountClientId: 'a', realmRoles: 'x', clientRoles: { b: 7 } }],
  }
  t.same(
    plan(odd).accounts.map(({ clientId }) => clientId),
    ['a'],
  )
})

t.test(
  'for tokens in the shape of Keycloak’s, the scopes and roles that it makes itself are taken over',
  async (t) => {
    const exact = plan(keycloakExport(), undefined, true)
    t.same(exact.accounts[0]?.roles, [
      'billing',
      'default-roles-plant',
      'offline_access',
      'reports',
      'warehouse:stock-read',
    ])
    t.same(exact.accounts[0]?.scopes, ['orders', 'profile'])
    t.same(exact.notes, [])
    t.notOk(exact.accounts.some(({ roles }) => roles?.some((role) => role.startsWith('realm-management'))))
    t.match(reasons('billing-job', exact).join(), /manage-users: it administers/)
    t.notMatch(reasons('billing-job', exact).join(), /Optional scope phone/)
  },
)
