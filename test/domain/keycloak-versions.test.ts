import t from 'tap'
import { planKeycloakImport } from '../../src/domain/keycloak-import.ts'
import { readKeycloakRealm } from '../../src/domain/keycloak-realm.ts'

const UUID = '3f2b8c1e-7d94-4a06-b5e3-91c07da86f42'
const DRAWN = 'sIqwfRi7Ic7rolK0fVWXEKZgIttcrvGS'

/** Scopes and mappers as the versions write them; each client has what its version gives to a new one. */
const mapper = (protocolMapper: string, config: object = {}) => ({
  name: protocolMapper,
  protocolMapper,
  config,
})
const note = (name: string, claim: string) =>
  mapper('oidc-usersessionmodel-note-mapper', {
    'user.session.note': name,
    'claim.name': claim,
    'access.token.claim': 'true',
  })
const scope = (name: string, named: boolean, protocolMappers: object[] = []) => ({
  name,
  protocol: 'openid-connect',
  attributes: { 'include.in.token.scope': String(named) },
  protocolMappers,
})
const ROLES = scope('roles', false, [
  mapper('oidc-usermodel-realm-role-mapper', { 'claim.name': 'realm_access.roles' }),
  mapper('oidc-usermodel-client-role-mapper', { 'claim.name': 'resource_access.$' + '{client_id}.roles' }),
  mapper('oidc-audience-resolve-mapper'),
])
const NOTES = [
  note('clientId', 'clientId'),
  note('clientHost', 'clientHost'),
  note('clientAddress', 'clientAddress'),
]

interface Version {
  readonly realm: object
  readonly client: object
  readonly userRoles?: readonly string[]
}

const VERSIONS: Readonly<Record<string, Version>> = {
  // Templates in place of scopes, and no full list of what a client has.
  '3.4': {
    realm: { clientTemplates: [], defaultRoles: ['offline_access', 'uma_authorization'] },
    client: { secret: UUID, useTemplateScope: false, protocolMappers: NOTES },
    userRoles: ['offline_access', 'uma_authorization', 'operator'],
  },
  // Default roles of the realm by name; secrets are UUIDs.
  '12.0': {
    realm: {
      defaultRoles: ['offline_access', 'uma_authorization'],
      clientScopes: [ROLES, scope('profile', true), scope('email', true), scope('web-origins', false)],
    },
    client: {
      secret: UUID,
      protocolMappers: NOTES,
      defaultClientScopes: ['web-origins', 'roles', 'profile', 'email'],
    },
    userRoles: ['offline_access', 'uma_authorization', 'operator'],
  },
  // A composite role stands for the default ones.
  '18.0': {
    realm: {
      defaultRole: { name: 'default-roles-plant', composite: true },
      clientScopes: [ROLES, scope('profile', true), scope('email', true), scope('acr', false)],
    },
    client: {
      secret: DRAWN,
      protocolMappers: NOTES,
      defaultClientScopes: ['web-origins', 'acr', 'roles', 'profile', 'email'],
    },
  },
  '21.1': {
    realm: { clientScopes: [ROLES, scope('profile', true), scope('email', true), scope('acr', false)] },
    client: {
      secret: DRAWN,
      protocolMappers: [note('client_id', 'client_id'), ...NOTES.slice(1)],
      defaultClientScopes: ['web-origins', 'acr', 'roles', 'profile', 'email'],
      attributes: {
        'client.secret.creation.time': '1680000000',
        'oauth2.device.authorization.grant.enabled': 'false',
      },
    },
  },
  // No scope basic yet: sub is in all tokens.
  '24.0': {
    realm: { clientScopes: [ROLES, scope('profile', true), scope('email', true), scope('acr', false)] },
    client: {
      secret: DRAWN,
      protocolMappers: [note('client_id', 'client_id'), ...NOTES.slice(1)],
      defaultClientScopes: ['web-origins', 'acr', 'roles', 'profile', 'email'],
    },
  },
  // The notes came into a scope of their own.
  '26.4': {
    realm: {
      clientScopes: [
        ROLES,
        ...['profile', 'email'].map((name) => scope(name, true)),
        ...['acr', 'basic', 'service_account'].map((name) => scope(name, false, NOTES)),
      ],
    },
    client: {
      secret: DRAWN,
      defaultClientScopes: ['service_account', 'web-origins', 'acr', 'roles', 'profile', 'basic', 'email'],
      optionalClientScopes: ['address', 'phone', 'organization', 'offline_access', 'microprofile-jwt'],
    },
  },
}

for (const [version, { realm, client, userRoles = ['default-roles-plant', 'operator'] }] of Object.entries(
  VERSIONS,
))
  t.test(`a client that Keycloak ${version} exported is taken over whole`, async (t) => {
    const value = {
      id: 'plant',
      realm: 'plant',
      keycloakVersion: version,
      roles: {
        realm: [
          { name: 'operator', composite: false, clientRole: false },
          { name: 'offline_access' },
          { name: 'uma_authorization' },
          {
            name: 'default-roles-plant',
            composites: {
              realm: ['offline_access', 'uma_authorization'],
              client: { account: ['view-profile'] },
            },
          },
        ],
        client: { machine: [{ name: 'run', clientRole: true }], account: [{ name: 'view-profile' }] },
      },
      ...realm,
      clients: [
        {
          clientId: 'machine',
          enabled: true,
          clientAuthenticatorType: 'client-secret',
          bearerOnly: false,
          standardFlowEnabled: false,
          serviceAccountsEnabled: true,
          publicClient: false,
          protocol: 'openid-connect',
          attributes: {},
          fullScopeAllowed: true,
          ...client,
        },
      ],
      users: [
        {
          id: 'b919c610-fb3a-45a1-a921-472ef10d01ee',
          createdTimestamp: 1_600_000_000_000,
          username: 'service-account-machine',
          serviceAccountClientId: 'machine',
          realmRoles: userRoles,
          clientRoles: { machine: ['run'], account: ['view-profile'] },
          groups: [],
        },
      ],
    }
    for (const withOwn of [true, false]) {
      const rules = { isWanted: () => true, withOwn, now: new Date() }
      const plan = planKeycloakImport(readKeycloakRealm(value, undefined), rules)
      t.same(plan.left, [])
      const [account] = plan.accounts
      t.match(account, {
        clientSecret: (client as { secret: string }).secret,
        subject: 'b919c610-fb3a-45a1-a921-472ef10d01ee',
        createdAt: new Date(1_600_000_000_000),
      })
      const roles = account?.roles ?? []
      t.ok(roles.includes('operator') && roles.includes('machine:run'), roles.join(' '))
      t.equal(roles.includes('offline_access'), withOwn)
      t.equal(account?.scopes?.includes('profile'), withOwn && version !== '3.4')
    }
  })

t.test('an export in several files, whose users are apart, says that the roles are missing', async (t) => {
  const realm = { realm: 'plant', clients: [{ clientId: 'a', secret: DRAWN, serviceAccountsEnabled: true }] }
  const plan = planKeycloakImport(readKeycloakRealm(realm, undefined), {
    isWanted: () => true,
    withOwn: true,
    now: new Date(),
  })
  t.match(plan.notes.join(), /no users.*--users same_file/)
  t.match(plan.accounts, [{ clientId: 'a', clientSecret: DRAWN, roles: [] }])
})
