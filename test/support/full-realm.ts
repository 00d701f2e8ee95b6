import type { Operations } from '../../src/operations/operations.ts'
import { testKeyPair } from './client-keys.ts'
import { TESTER } from './server.ts'

/** A realm that has something of everything that a realm file may have. */
export async function fullRealm(operations: Operations, realm: string): Promise<void> {
  await operations.realms.create(TESTER, realm, {
    displayName: 'Everything: "quoted", yes',
    algorithm: 'EdDSA',
    tokenLifetimeSeconds: 600,
    serviceAccountLimit: 50,
    scopes: ['view', 'yes', 'orders:read'],
    audiences: ['https://api.example.com', 'billing'],
    roles: ['no', 'deployer', '1e3'],
    resourceTypes: ['site', 'site_group', 'device_group_group'],
    keyRotationSeconds: 40 * 86_400,
    keyPublishSeconds: 7200,
    jwksMaxAgeSeconds: 120,
    leakedSecretAction: 'alert',
    introspectionAudiences: 'all',
    tokenTypeHeader: 'JWT',
    assertionAudience: 'issuer',
    maxSecretAgeSeconds: 31_536_000,
    auditRetentionDays: 400,
    claims: [
      { claim: 'tenant.id', value: { n: 1.5, on: true, none: null, list: ['yes'] } },
      { claim: 'groups', from: 'roles', prefix: 'g:', as: 'string[]', audiences: ['billing'] },
    ],
  })
  await operations.resources.import(TESTER, realm, [
    { type: 'device_group_group', id: 'world' },
    { type: 'device_group', id: 'eu', name: 'Europe', groups: ['world'] },
    { type: 'device', id: '0123', name: 'Lamp: 1', groups: ['eu'] },
    { type: 'site', id: 's/1@x' },
  ])
  const { issuer } = await operations.trustedIssuers.create(TESTER, realm, {
    preset: 'github',
    name: 'Pipelines',
  })
  await operations.trustedIssuers.create(TESTER, realm, {
    issuer: 'https://ci.example.com',
    keys: { source: 'jwks', jwks: { keys: [{ ...testKeyPair().jwk, kid: 'k1' }] } },
    audiences: ['one', 'two'],
    algorithms: ['ES256'],
    maxLifetimeSeconds: 60,
    singleUse: true,
    requiredClaims: [['a.b', 'c'], 'team'],
    enabled: false,
  })
  await fullWebhooks(operations, realm)
  await fullAccounts(operations, realm, issuer.id)
}

/** Two of them have one address. */
async function fullWebhooks({ webhooks }: Operations, realm: string): Promise<void> {
  const url = 'https://ops.example.com/mintmark?team=a&n=1'
  await webhooks.create(TESTER, realm, { url, events: ['secret.leaked', 'limit.reached'] })
  await webhooks.create(TESTER, realm, {
    url,
    events: ['secret.leaked'],
    description: 'Yes: no',
    enabled: false,
  })
  await webhooks.create(TESTER, realm, { url: 'https://a.example.com', events: ['refusals.burst'] })
}

async function fullAccounts(operations: Operations, realm: string, issuerId: string): Promise<void> {
  const { accounts, clientKeys, grants, workloadIdentities } = operations
  const { account } = await accounts.create(TESTER, realm, {
    name: 'Nightly: invoices',
    description: 'Two lines:\n\n  # and no comment',
    roles: ['view', 'no'],
    scopes: ['yes'],
    introspectsAudiences: ['billing'],
    allowedNetworks: ['10.0.0.0/8', '2001:db8::/32'],
    expiresAt: new Date('2099-12-31T23:59:59.500Z'),
    maxSecretAgeSeconds: 86_400,
    claims: [{ claim: 'cost\\.centre', from: 'metadata.cost' }],
    metadata: { team: 'no', cost: '0815' },
  })
  await grants.replace(TESTER, realm, account.clientId, [
    { role: 'deployer', type: 'device', id: '0123' },
    { role: 'view', type: 'site', id: 's/1@x' },
  ])
  const made = await accounts.create(TESTER, realm, {
    name: '日本 👩‍💻',
    roles: [],
    authMethods: ['private_key_jwt', 'federated'],
    key: { jwk: { ...testKeyPair().jwk, kid: 'first' }, name: 'laptop', expiresAt: new Date('2999-01-01') },
  })
  await clientKeys.add(TESTER, realm, made.account.clientId, { pem: testKeyPair().pem })
  for (const name of ['a', 'b'])
    await workloadIdentities.create(TESTER, realm, made.account.clientId, {
      trustedIssuer: issuerId,
      name,
      rules: [
        { claim: 'sub', equals: ['repo:acme/x:ref:refs/heads/main', 'repo:acme/y:ref:refs/heads/main'] },
        { claim: ['job', 'n'], equals: 7 },
        { claim: 'ref', matches: 'refs/*' },
      ],
    })
  const imported = {
    client_id: 'imported',
    name: 'Imported',
    subject: '0d6a1c1e-1111-4222-8333-444455556666',
  }
  await accounts.import(TESTER, realm, [imported])
  const published = await accounts.create(TESTER, realm, {
    name: 'Published',
    jwksUri: 'https://jobs.example.com/jwks',
  })
  await accounts.update(TESTER, realm, published.account.clientId, { enabled: false })
}
