import t from 'tap'
import { readHydraClient } from '../../src/domain/hydra-client.ts'
import { planHydraImport } from '../../src/domain/hydra-import.ts'
import { HYDRA_SECRETS } from '../support/hydra-database.ts'

const { hash } = HYDRA_SECRETS.pbkdf2

const row = (more: Record<string, unknown>) => ({
  id: 'a',
  client_name: '',
  client_secret: hash,
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'client_secret_basic',
  scope: '',
  audience: [],
  jwks: '{}',
  metadata: '{}',
  ...more,
})

const plan = (...rows: Record<string, unknown>[]) =>
  planHydraImport(
    rows.map((one) => readHydraClient(row(one))),
    () => true,
  )
const reasons = (more: Record<string, unknown>) => plan(more).left.map(({ reason }) => reason)

t.test('a client of Hydra is taken over with what can be said here', async (t) => {
  const { accounts, audiences, left } = plan({
    id: 'billing',
    client_name: 'Billing',
    scope: 'orders  openid invoices',
    owner: 'team-a',
    audience: ['https://api.test'],
    metadata: '{"cost":4711,"live":true}',
  })
  t.same(left, [])
  t.same(accounts, [
    {
      clientId: 'billing',
      name: 'Billing',
      roles: [],
      scopes: ['invoices', 'orders'],
      keep: ['roles'],
      metadata: { owner: 'team-a', cost: '4711', live: 'true' },
      secretHash: hash,
    },
  ])
  t.same(audiences.get('billing'), ['https://api.test'])
})

t.test('each client that is not taken over is listed with the reason', async (t) => {
  t.match(reasons({ token_endpoint_auth_method: 'none' }), [/public/])
  t.match(reasons({ grant_types: [] }), [/no grant client_credentials \(but authorization_code\)/])
  t.match(reasons({ grant_types: ['implicit', 'refresh_token'] }), [/but implicit refresh_token/])
  t.match(reasons({ token_endpoint_auth_method: 'tls_client_auth' }), [/tls_client_auth/])
  t.match(reasons({ id: 'https://api.test/x' }), [/client_id/])
  t.match(reasons({ id: 'x'.repeat(65) }), [/client_id/])
})

t.test('each part of a client that is not taken over is listed with the reason', async (t) => {
  for (const [more, told] of [
    [{ client_secret: '$argon2i$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA' }, /no secret here until/],
    [{ client_secret: '$pbkdf2-sha384$i=1,l=32$AAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA' }, /no secret here until/],
    [{ client_secret: '' }, /no secret here until/],
    [{ client_secret_expires_at: 1700000000 }, /client_secret_expires_at/],
    [{ scope: 'photos.*' }, /Scope photos\.\*: it stands for many/],
    [{ scope: `x${'y'.repeat(200)}` }, /no scope token/],
    [{ audience: ['a:b c'] }, /Audience a:b c/],
    [{ metadata: '{"a":{"b":1}}' }, /Metadata a: it is an object/],
    [{ metadata: '{"1 x":"y"}' }, /Metadata 1 x: A key of metadata/],
    [{ owner: 'x', metadata: '{"owner":"y"}' }, /metadata has an owner already/],
    [{ grant_types: ['client_credentials', 'authorization_code'] }, /Grants authorization_code/],
    [{ client_credentials_grant_access_token_lifespan: '1800000000000' }, /live for 1800 s/],
    [{ access_token_strategy: 'opaque' }, /opaque/],
    [{ contacts: ['a@b.test'], client_uri: 'https://x.test' }, /its client_uri, contacts\./],
  ] as const)
    t.match(reasons(more), [told], JSON.stringify(more))
})

t.test('a hash that Hydra stores for a client without a secret never becomes one', async (t) => {
  const byKey = { token_endpoint_auth_method: 'private_key_jwt' }
  const keys = {
    keys: [
      { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
      { kty: 'RSA', use: 'enc' },
    ],
  }
  const own = plan({ ...byKey, jwks: JSON.stringify(keys) })
  t.same(own.accounts[0]?.jwks, { keys: keys.keys.slice(0, 1) })
  t.match(own.left[0]?.reason, /not for signatures/)
  t.match(plan({ ...byKey, jwks_uri: 'https://keys.test/jwks' }).accounts[0], {
    jwksUri: 'https://keys.test/jwks',
  })
  t.match(reasons({ ...byKey, jwks_uri: 'ftp://keys.test' }), [/no key here until/])
  t.match(reasons(byKey), [/no key here until/])
  for (const one of [own, plan(byKey)]) t.equal(one.accounts[0]?.secretHash, undefined)
})

t.test(
  'a scope that stands for many leaves the scopes to the administrator once they are here',
  async (t) => {
    t.same(plan({ scope: 'orders photos.*' }).accounts[0]?.keep, ['roles', 'scopes'])
  },
)

t.test('values of another type are as if they were absent', async (t) => {
  const { accounts } = plan({ scope: 5, audience: '["a"]', metadata: '{', jwks: null, client_name: null })
  t.match(accounts, [{ clientId: 'a', name: 'a', scopes: [] }])
  t.equal(accounts[0]?.metadata, undefined)
})

t.test('pairs of metadata beyond the limit are listed', async (t) => {
  const metadata = Object.fromEntries(Array.from({ length: 18 }, (_, n) => [`k${n}`, 'v']))
  const { accounts, left } = plan({ metadata: JSON.stringify(metadata) })
  t.equal(Object.keys(accounts[0]?.metadata ?? {}).length, 16)
  t.equal(left.length, 2)
})
