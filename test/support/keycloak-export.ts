/** A realm as `kc.sh export` writes it, cut down to what an import reads. */
export function keycloakExport() {
  return {
    id: '1f0b5b5e-0000-4000-8000-000000000001',
    realm: 'plant',
    roles: {
      realm: [
        {
          name: 'billing',
          composite: true,
          composites: { realm: ['reports'], client: { warehouse: ['stock-read'] } },
        },
        { name: 'reports' },
        { name: 'Upper' },
        { name: 'account-admin' },
        { name: 'offline_access' },
        { name: 'default-roles-plant', composite: true, composites: { realm: ['offline_access'] } },
      ],
      client: { warehouse: [{ name: 'stock-read' }], 'realm-management': [{ name: 'manage-users' }] },
    },
    clientScopes: [
      {
        name: 'orders',
        protocol: 'openid-connect',
        attributes: { 'include.in.token.scope': 'true' },
        protocolMappers: [
          {
            name: 'aud',
            protocolMapper: 'oidc-audience-mapper',
            config: { 'included.client.audience': 'warehouse' },
          },
        ],
      },
      { name: 'profile', attributes: { 'include.in.token.scope': 'true' }, protocolMappers: [{ name: 'x' }] },
      { name: 'hidden', attributes: { 'include.in.token.scope': 'false' } },
    ],
    clients: [
      {
        clientId: 'billing-job',
        name: 'Billing job',
        description: 'Nightly',
        enabled: true,
        clientAuthenticatorType: 'client-secret',
        secret: 'kX8vq2WtR7nPz4mBkX8vq2WtR7nPz4mB',
        publicClient: false,
        bearerOnly: false,
        serviceAccountsEnabled: true,
        fullScopeAllowed: true,
        protocol: 'openid-connect',
        defaultClientScopes: ['orders', 'profile', 'hidden'],
        optionalClientScopes: ['extra', 'phone'],
        attributes: { 'access.token.lifespan': '60', 'client.secret.creation.time': '1700000000' },
        protocolMappers: [
          {
            name: 'tenant',
            protocolMapper: 'oidc-hardcoded-claim-mapper',
            config: { 'claim.name': 'tenant.id', 'claim.value': '7', 'jsonType.label': 'int' },
          },
          { name: 'groups', protocolMapper: 'oidc-group-membership-mapper', config: {} },
        ],
      },
      {
        clientId: 'warehouse',
        enabled: false,
        secret: 'another-Value-9471-kX8vq2',
        serviceAccountsEnabled: true,
        standardFlowEnabled: true,
        name: 'Billing job',
      },
      { clientId: 'masked', secret: '**********', serviceAccountsEnabled: true },
      { clientId: 'weak', secret: 'password', serviceAccountsEnabled: true },
      {
        clientId: 'narrow',
        secret: 'yR7nPz4mBkX8vq2W',
        serviceAccountsEnabled: true,
        fullScopeAllowed: false,
      },
      { clientId: 'web', publicClient: true, serviceAccountsEnabled: false },
      { clientId: 'api', bearerOnly: true },
      { clientId: 'login', secret: 'kX8vq2WtR7nPz4mB', serviceAccountsEnabled: false },
      { clientId: 'jwt', serviceAccountsEnabled: true, clientAuthenticatorType: 'client-jwt' },
      { clientId: 'https://api.test/x', secret: 'kX8vq2WtR7nPz4mB', serviceAccountsEnabled: true },
      { clientId: 'saml', protocol: 'saml' },
    ],
    users: [
      {
        id: 'b919c610-fb3a-45a1-a921-472ef10d01ee',
        username: 'service-account-billing-job',
        serviceAccountClientId: 'billing-job',
        realmRoles: ['default-roles-plant', 'billing', 'Upper', 'account-admin'],
        clientRoles: { 'realm-management': ['manage-users'] },
        groups: ['/jobs'],
      },
      { username: 'service-account-narrow', serviceAccountClientId: 'narrow', realmRoles: ['reports'] },
      { username: 'ada', realmRoles: ['billing'] },
    ],
    keycloakVersion: '26.4.0',
  }
}
