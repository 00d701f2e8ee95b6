import { decodeJwt } from 'jose'
import t from 'tap'
import { adminToken, asking, platformAdministrator, tokenFor } from '../support/admin.ts'
import { acme, introspect } from '../support/introspection.ts'
import { PUBLIC_URL, TESTER } from '../support/server.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`

const REALM_CLAIMS = [
  { claim: 'tenant', value: { id: 7, name: 'Ümlaut' } },
  { claim: 'org.groups', from: 'roles', prefix: 'acme/' },
  { claim: 'org.center', from: 'metadata.center', as: 'number' },
  { claim: 'ip', from: 'address' },
  { claim: 'only', value: true, audiences: ['https://api.test'] },
]

async function world(t: Parameters<typeof acme>[0]) {
  const made = await acme(t)
  const { server, client } = made
  const ask = await platformAdministrator(server)
  const realm = '/admin/realms/acme'
  const account = `${realm}/service-accounts/${client.clientId}`
  const token = (resource = ISSUER) =>
    tokenFor(server, 'acme', client.clientId, client.clientSecret, resource)
  return { ...made, ask, realm, account, token }
}

t.test('realm and account add claims to the next token, and introspection and preview agree', async (t) => {
  const { server, client, resourceServer, ask, realm, account, token } = await world(t)
  t.equal(
    (await ask('PATCH', realm, { claims: REALM_CLAIMS, audiences: [ISSUER, 'https://api.test'] })).status,
    200,
  )
  const own = [{ claim: 'org.center', from: 'metadata.center', prefix: 'c-' }]
  const changed = await ask('PATCH', account, { claims: own, metadata: { center: '4711' } })
  t.match(changed, { status: 200, body: { claims: own, metadata: { center: '4711' } } })
  const claims = decodeJwt(await token())
  const expected = {
    tenant: { id: 7, name: 'Ümlaut' },
    org: { groups: ['acme/view'], center: 'c-4711' },
    ip: '127.0.0.1',
  }
  t.match(claims, { iss: ISSUER, sub: client.clientId, roles: ['view'], ...expected })
  t.notOk('only' in claims)
  t.match(decodeJwt(await token('https://api.test')), { ...expected, only: true })
  t.match(JSON.parse(await introspect(server, resourceServer, await token())), { active: true, ...expected })
  const preview = await ask('POST', `${account}/preview-token`, {})
  t.match(preview, { status: 200, body: { claims: expected, left_out: [] } })
  t.same(Object.keys(preview.body.claims).sort(), Object.keys(claims).sort())
})

t.test('a claim that cannot be made is left out, and the preview says why', async (t) => {
  const { ask, realm, account, token } = await world(t)
  await ask('PATCH', realm, { claims: REALM_CLAIMS })
  t.notMatch(decodeJwt(await token()), { org: { center: /./ } })
  await ask('PATCH', account, { metadata: { center: 'none' } })
  t.same(decodeJwt(await token())['org'], { groups: ['acme/view'] })
  const { body } = await ask('POST', `${account}/preview-token`, {})
  t.same(body.left_out, [
    { claim: 'org.center', reason: 'metadata.center is not a number' },
    { claim: 'only', reason: 'no token of the realm is for https://api.test' },
  ])
  const draft = { metadata: { center: '5' }, claims: [{ claim: 'x', value: 1 }], realm_claims: [] }
  t.match((await ask('POST', `${account}/preview-token`, draft)).body, { claims: { x: 1 }, left_out: [] })
  t.match(
    (await ask('POST', `${account}/preview-token`, { claims: [{ claim: 'sub', value: 1 }] })).status,
    400,
  )
  t.notOk('x' in decodeJwt(await token()), 'a draft changes nothing')
})

t.test('a change of an account says which claims its tokens cannot have, and is made', async (t) => {
  const { ask, realm, account } = await world(t)
  const { body: made } = await ask('PATCH', account, { description: 'none of its tokens has a claim' })
  t.notOk('warnings' in made)
  const claims = [
    { claim: 'a', from: 'metadata.a' },
    { claim: 'b', from: 'name', as: 'number' },
    { claim: 'c', value: 1, audiences: ['https://other.test'] },
    { claim: 'd', from: 'metadata.a', audiences: [ISSUER, 'https://other.test'] },
    { claim: 'e', from: 'address' },
  ]
  const changed = await ask('PATCH', account, { claims })
  t.equal(changed.status, 200)
  t.same(changed.body.claims, claims)
  t.same(changed.body.warnings, [
    'The token is without the claim a: the account has no metadata a.',
    'The token is without the claim b: name is not a number.',
    'The token is without the claim c: no token of the realm is for https://other.test.',
    'The token is without the claim d: the account has no metadata a.',
  ])
  const read = await ask('GET', account)
  t.equal(read.headers['etag'], changed.headers['etag'], 'what is said once is no part of the account')
  t.notOk('warnings' in read.body)
  t.same((await ask('PATCH', account, { metadata: { a: 'x' } })).body.warnings.length, 2)
  await ask('PATCH', realm, { audiences: [ISSUER, 'https://other.test'] })
  t.notOk('warnings' in (await ask('PATCH', account, { claims: claims.slice(2) })).body)
})

t.test('a change and a creation of a realm, and a creation of an account, say it too', async (t) => {
  const { ask, realm } = await world(t)
  const claims = [
    { claim: 'a', from: 'metadata.a' },
    { claim: 'b', from: 'realm', as: 'boolean' },
    { claim: 'c', value: 1, audiences: ['https://other.test'] },
  ]
  const warnings = [
    'A token can be without the claim a: the account has no metadata a.',
    'A token can be without the claim b: realm is neither true nor false.',
    'A token can be without the claim c: no token of the realm is for https://other.test.',
  ]
  t.match(await ask('PATCH', realm, { claims }), { status: 200, body: { warnings } })
  t.match(await ask('POST', '/admin/realms', { name: 'other', claims }), { status: 201, body: { warnings } })
  t.notOk('warnings' in (await ask('POST', '/admin/realms', { name: 'plain' })).body)
  const own = [
    { claim: 'a', value: 1 },
    { claim: 'b.c', value: 1 },
    { claim: 'd', from: 'metadata.d' },
  ]
  const made = await ask('POST', `${realm}/service-accounts`, { name: 'new', claims: own })
  t.equal(made.status, 201)
  t.same(
    made.body.warnings,
    [
      'The token is without the claim d: the account has no metadata d.',
      'The token is without the claim c: no token of the realm is for https://other.test.',
    ],
    'its own claims come before those of the realm',
  )
})

t.test('a claim for another client is told of in no realm in the shape of Keycloak', async (t) => {
  const { ask, realm } = await world(t)
  const claims = [{ claim: 'c', value: 1, audiences: ['reports'] }]
  t.notOk('warnings' in (await ask('PATCH', realm, { claims, token_profile: 'keycloak' })).body)
})

t.test('introspection tells claims of roles less the roles that the account lost', async (t) => {
  const { server, client, resourceServer, ask, account } = await world(t)
  await ask('PATCH', account, { roles: ['view', 'operate'], claims: [{ claim: 'groups', from: 'roles' }] })
  const token = await tokenFor(server, 'acme', client.clientId, client.clientSecret, ISSUER)
  t.same(decodeJwt(token)['groups'], ['view', 'operate'])
  await ask('PATCH', account, { roles: ['view'] })
  t.match(JSON.parse(await introspect(server, resourceServer, token)), { roles: ['view'], groups: ['view'] })
  t.same(JSON.parse(await introspect(server, resourceServer, token)).groups, ['view'])
})

t.test(
  'claims are replaced whole, with their ETag, their audit line, and nothing when they are the same',
  async (t) => {
    const { server, ask, realm, account } = await world(t)
    for (const path of [realm, account]) {
      const first = await ask('PATCH', path, { claims: [{ claim: 'a', value: 1 }] })
      t.same(first.body.claims, [{ claim: 'a', value: 1 }])
      const { etag } = first.headers as { etag: string }
      t.equal((await ask('GET', path)).headers['etag'], etag)
      t.equal((await ask('PATCH', path, { claims: [{ claim: 'a', value: 1 }] })).headers['etag'], etag)
      const second = await ask(
        'PATCH',
        path,
        { claims: [{ claim: 'b', from: 'name' }] },
        { 'if-match': etag },
      )
      t.same(second.body.claims, [{ claim: 'b', from: 'name' }])
      t.equal((await ask('PATCH', path, { claims: [] }, { 'if-match': etag })).status, 412)
      t.same((await ask('PATCH', path, {})).body.claims, [{ claim: 'b', from: 'name' }])
      t.same((await ask('PATCH', path, { claims: [] })).body.claims, [])
    }
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      limit: 50,
      after: undefined,
    } as never)
    const changes = items.filter(({ action, outcome }) => /\.update$/.test(action) && outcome === 'done')
    t.equal(changes.length, 6)
    for (const { details } of changes)
      t.ok('claims' in (details['before'] as object) && 'claims' in (details['after'] as object))
    const last = changes[0]?.details as { before: object; after: object }
    t.same(last.after, { claims: [] })
    t.same(last.before, { claims: [{ claim: 'b', from: 'name' }] })
  },
)

t.test('claims that no token can have are refused by path, for realm and account alike', async (t) => {
  const { ask, realm, account } = await world(t)
  const bad: [unknown, string][] = [
    [[{ claim: 'sub', value: 1 }], 'claims.0.claim'],
    [
      [
        { claim: 'a', value: 1 },
        { claim: 'a.b', value: 1 },
      ],
      'claims.1.claim',
    ],
    [[{ claim: 'a', value: 'x'.repeat(2000) }], 'claims.0.value'],
    [[{ claim: 'a', from: 'client_secret' }], 'claims.0.from'],
  ]
  for (const path of [realm, account])
    for (const [claims, field] of bad) {
      const answer = await ask('PATCH', path, { claims })
      t.match(answer, { status: 400 })
      t.match(answer.text, field)
    }
  for (const body of [
    { claims: null },
    { claims: [{ claim: 'a' }] },
    { claims: [{}] },
    { claims: 'x' },
    { metadata: null },
    { metadata: { a: 1 } },
    { metadata: [] },
  ])
    t.equal((await ask('PATCH', account, body)).status, 400, JSON.stringify(body))
  const raw = await ask('PATCH', account, '{"claims":[{"claim":"a","value":{"__proto__":1}}]}')
  t.equal(raw.status, 400)
})

t.test('claims count toward the size of a token, where they are set and where it is made', async (t) => {
  const { ask, realm, account, token } = await world(t)
  const long = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ claim: `${prefix}${n}`, value: 'é'.repeat(500) }))
  const refused = await ask('PATCH', account, { claims: long('a', 6) })
  t.match(refused, { status: 409 })
  t.match(refused.text, /fewer or shorter claims/)
  t.equal((await ask('PATCH', account, { claims: long('a', 4) })).status, 200)
  t.equal((await ask('PATCH', realm, { claims: long('r', 6) })).status, 409)
  t.equal((await ask('PATCH', realm, { claims: long('r', 4) })).status, 200)
  await t.rejects(token(), /The claims of the token would take more than 5632 bytes/)
  t.match((await ask('POST', `${account}/preview-token`, {})).status, 409)
  t.equal(
    (await ask('PATCH', account, { claims: long('a', 5) })).status,
    409,
    'what is too large gets no larger',
  )
  t.equal((await ask('PATCH', account, { claims: long('a', 3) })).status, 200, 'smaller it may get')
  t.equal((await ask('PATCH', account, { claims: [] })).status, 200)
  t.match(decodeJwt(await token()), { r0: /é/ })
  t.equal((await ask('PATCH', account, { claims: [{ claim: 'n', from: 'name' }] })).status, 200)
})

t.test('an account is made and imported with claims, and an Account Admin may set them', async (t) => {
  const { server, ask, realm } = await world(t)
  const claims = [{ claim: 'center', from: 'metadata.center' }]
  const made = await ask('POST', `${realm}/service-accounts`, {
    name: 'x',
    claims,
    metadata: { center: '1' },
  })
  t.match(made, { status: 201, body: { claims, metadata: { center: '1' } } })
  const answer = await server.operations.accounts.import(TESTER, 'acme', [
    { client_id: 'imp', name: 'imp', claims, metadata: { center: '2' } },
    { client_id: 'bad', name: 'bad', claims: [{ claim: 'sub', value: 1 }] },
  ])
  t.match(answer, [{ status: 'created' }, { status: 'refused' }])
  t.match((await ask('GET', `${realm}/service-accounts/imp`)).body, { claims, metadata: { center: '2' } })
  const { token } = await adminToken(server, 'acme', ['account-admin'])
  const admin = asking(server, token)
  t.equal((await admin('PATCH', `${realm}/service-accounts/imp`, { claims: [] })).status, 200)
  t.equal((await admin('PATCH', realm, { claims })).status, 200)
  const viewer = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  t.equal((await viewer('PATCH', realm, { claims: [] })).status, 403)
  t.equal((await viewer('POST', `${realm}/service-accounts/imp/preview-token`, {})).status, 403)
})
