import t, { type Test } from 'tap'
import { adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { ACME, bound, testPlatform, trust } from '../support/platform.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const ISSUERS = '/admin/realms/acme/trusted-issuers'

async function place(t: Test) {
  const server = await testServer(t)
  const ask = await platformAdministrator(server)
  await ask('POST', '/admin/realms', { name: 'acme', service_account_limit: 1000 })
  const platform = testPlatform(server)
  const keys = { source: 'jwks', jwks: platform.jwks }
  return { server, ask, platform, keys }
}

t.test('a trusted issuer is made, listed, read, changed and deleted', async (t) => {
  const { ask, platform, keys } = await place(t)
  const made = await ask('POST', ISSUERS, { issuer: platform.issuer, keys, name: ' Build farm ' })
  t.equal(made.status, 201, made.text)
  t.equal(made.headers['location'], `${PUBLIC_URL}${ISSUERS}/${made.body.id}`)
  t.match(made.body, {
    issuer: platform.issuer,
    name: 'Build farm',
    preset: null,
    keys: { source: 'jwks', jwks: platform.jwks },
    audiences: null,
    max_lifetime_seconds: 3600,
    single_use: false,
    required_claims: [],
    enabled: true,
    warnings: [],
  })
  t.equal(made.body.algorithms.length, 14)
  const address = `${ISSUERS}/${made.body.id}`
  t.same((await ask('GET', ISSUERS)).body, { items: [made.body], next_cursor: null })
  const read = await ask('GET', address)
  t.same(read.body, made.body)
  t.equal(read.headers['etag'], made.headers['etag'])
  const change = { audiences: ['https://a.example'], single_use: true, required_claims: [['a', 'b'], 'c'] }
  const changed = await ask('PATCH', address, change, { 'if-match': String(made.headers['etag']) })
  t.match(changed, {
    status: 200,
    body: { ...change, required_claims: [['a', 'b'], ['c']], name: 'Build farm' },
  })
  const late = await ask('PATCH', address, { name: 'x' }, { 'if-match': String(made.headers['etag']) })
  t.equal(late.status, 412)
  t.equal((await ask('PATCH', address, { audiences: null })).body.audiences, null)
  t.equal((await ask('DELETE', address, undefined, { 'if-match': '"1"' })).status, 412)
  t.equal((await ask('DELETE', address)).status, 204)
  t.equal((await ask('GET', address)).status, 404)
  t.equal((await ask('DELETE', address)).status, 404)
})

t.test('settings that no token could be checked against are refused, with the member named', async (t) => {
  const { ask, platform, keys } = await place(t)
  const { issuer } = platform
  const { privateKey } = platform.pair
  const own = platform.jwks.keys[0]
  const cases: [body: object, field: string][] = [
    [{ keys }, 'issuer'],
    [{ issuer }, 'keys'],
    [{ issuer, keys: {} }, 'keys.source'],
    [{ issuer, keys: { source: 'file' } }, 'keys.source'],
    [{ issuer, keys: { source: 'discovery', url: 'https://a.example' } }, 'keys.url'],
    [{ issuer, keys: { source: 'jwks_uri' } }, 'keys.jwks_uri'],
    [{ issuer, keys: { source: 'jwks_uri', jwks_uri: 'http://a.example' } }, 'keys.jwks_uri'],
    [{ issuer, keys: { source: 'jwks_uri', jwks_uri: 'file:///etc/passwd' } }, 'keys.jwks_uri'],
    [{ issuer, keys: { source: 'spiffe_bundle', url: 'https://u:p@a.example' } }, 'keys.url'],
    [{ issuer, keys: { source: 'jwks' } }, 'keys.jwks'],
    [{ issuer, keys: { source: 'jwks', jwks: {} } }, 'keys.jwks'],
    [{ issuer, keys: { source: 'jwks', jwks: { keys: [] } } }, 'keys.jwks'],
    [{ issuer, keys: { source: 'jwks', jwks: { keys: [{ kty: 'EC' }] } } }, 'keys.jwks'],
    [{ issuer, keys: { source: 'jwks', jwks: { keys: new Array(101).fill(own) } } }, 'keys.jwks'],
    [
      { issuer, keys: { source: 'jwks', jwks: { keys: [privateKey.export({ format: 'jwk' })] } } },
      'keys.jwks.keys.0.d',
    ],
    [{ issuer, keys: { source: 'jwks', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } } }, 'keys.jwks.keys.0.k'],
    [{ issuer: 'http://a.example', keys }, 'issuer'],
    [{ issuer: ACME, keys }, 'issuer'],
    [{ issuer: 'spiffe://td.example', keys: { source: 'discovery' } }, 'keys.source'],
    [{ issuer, keys, audiences: [] }, 'audiences'],
    [{ issuer, keys, audiences: ['a', 'a'] }, 'audiences'],
    [{ issuer, keys, algorithms: [] }, 'algorithms'],
    [{ issuer, keys, algorithms: ['HS256'] }, 'algorithms.0'],
    [{ issuer, keys, algorithms: ['ES256', 'ES256'] }, 'algorithms'],
    [{ issuer, keys, max_lifetime_seconds: 86_401 }, 'max_lifetime_seconds'],
    [{ issuer, keys, max_lifetime_seconds: 29 }, 'max_lifetime_seconds'],
    [{ issuer, keys, required_claims: ['__proto__'] }, 'required_claims.0'],
    [{ issuer, keys, required_claims: ['a', ['a']] }, 'required_claims'],
    [{ issuer, keys, name: 'x'.repeat(101) }, 'name'],
    [{ issuer, keys, preset: 'jenkins' }, 'preset'],
    [{ issuer, keys, trusted: true }, 'trusted'],
  ]
  for (const [body, field] of cases) {
    const refused = await ask('POST', ISSUERS, body)
    t.match(
      refused,
      { status: 400, body: { field } },
      `${JSON.stringify(body).slice(0, 150)}: ${refused.text}`,
    )
    t.notMatch(refused.text, String(privateKey.export({ format: 'jwk' }).d))
  }
  t.same((await ask('GET', ISSUERS)).body.items, [])
})

t.test('keys of a set that are for something else are left out, with a warning', async (t) => {
  const { ask, platform } = await place(t)
  const other = { ...platform.jwks.keys[0], kid: 'other', use: 'enc' }
  const jwks = { keys: [other, platform.jwks.keys[0]] }
  const made = await ask('POST', ISSUERS, { issuer: platform.issuer, keys: { source: 'jwks', jwks } })
  t.same(made.body.warnings, ['keys.jwks.keys.0 is left out: its use is not sig.'])
  t.same(made.body.keys.jwks, platform.jwks)
})

t.test('a preset fills in absent members, and sent ones win', async (t) => {
  const { ask, keys } = await place(t)
  const github = await ask('POST', ISSUERS, { preset: 'github' })
  t.match(github, {
    status: 201,
    body: {
      issuer: 'https://token.actions.githubusercontent.com',
      keys: { source: 'discovery' },
      required_claims: [['repository_id'], ['repository_owner_id']],
      preset: 'github',
    },
  })
  const issuer = 'https://cluster.example'
  const own = { preset: 'kubernetes', issuer, keys, max_lifetime_seconds: 600, required_claims: ['sub'] }
  const made = await ask('POST', ISSUERS, own)
  t.match(made.body, { max_lifetime_seconds: 600, required_claims: [['sub']], keys: { source: 'jwks' } })
  t.ok(made.body.warnings.length > 0)
  t.match(await ask('POST', ISSUERS, { preset: 'kubernetes' }), { status: 400, body: { field: 'issuer' } })
})

t.test('a realm trusts an issuer once, and 50 of them', async (t) => {
  const { ask, keys } = await place(t)
  for (let n = 0; n < 50; n++)
    t.equal((await ask('POST', ISSUERS, { issuer: `https://p${n}.example`, keys })).status, 201)
  t.match(await ask('POST', ISSUERS, { issuer: 'https://p50.example', keys }), {
    status: 409,
    body: { limit: 50 },
  })
  const [{ id }] = (await ask('GET', ISSUERS)).body.items
  const again = { issuer: 'https://p7.example' }
  t.match(await ask('PATCH', `${ISSUERS}/${id}`, again), { status: 409, body: { field: 'issuer' } })
})

t.test('a workload identity is added, listed, read and deleted', async (t) => {
  const { server, ask, platform } = await place(t)
  const id = await trust(server, platform, { requiredClaims: [['repository_id']] })
  const made = await ask('POST', '/admin/realms/acme/service-accounts', {
    name: 'CI',
    auth_methods: ['federated'],
  })
  t.match(made, { status: 201, body: { auth_methods: ['federated'] } })
  t.notOk('client_secret' in made.body, 'no secret is made for it')
  const address = `/admin/realms/acme/service-accounts/${made.body.client_id}/workload-identities`
  t.same((await ask('GET', address)).body, { items: [], next_cursor: null })
  const rules = [
    { claim: 'repository_id', equals: '1296269' },
    { claim: ['job', 'environment'], equals: ['prod', 'stage'] },
    { claim: ['sub'], matches: 'repo:acme/*' },
  ]
  const added = await ask('POST', address, { trusted_issuer: id, rules, name: 'Deploys' })
  t.equal(added.status, 201, added.text)
  t.equal(added.headers['location'], `${PUBLIC_URL}${address}/${added.body.id}`)
  t.match(added.body, {
    trusted_issuer: id,
    name: 'Deploys',
    rules: [{ claim: ['repository_id'], equals: '1296269' }, rules[1], rules[2]],
    warnings: [],
    last_used_at: null,
  })
  t.same((await ask('GET', address)).body.items, [added.body])
  t.same((await ask('GET', `${address}/${added.body.id}`)).body, added.body)
  t.equal((await ask('DELETE', `${address}/${added.body.id}`)).status, 204)
  t.equal((await ask('GET', `${address}/${added.body.id}`)).status, 404)
  const cases: [body: object, field: string][] = [
    [{ trusted_issuer: id, rules: [] }, 'rules'],
    [{ trusted_issuer: id, rules: [{ claim: 'a', equals: 'b' }] }, 'rules'],
    [{ trusted_issuer: id, rules: [{ claim: 'sub', matches: 'a' }] }, 'rules.0.matches'],
    [{ trusted_issuer: 'none', rules }, 'trusted_issuer'],
    [{ trusted_issuer: '\u0000', rules }, 'trusted_issuer'],
    [{ rules }, 'trusted_issuer'],
  ]
  for (const [body, field] of cases)
    t.match(await ask('POST', address, body), { status: 400, body: { field } })
})

t.test('an account has at most 100 workload identities', async (t) => {
  const { server, ask, platform } = await place(t)
  const id = await trust(server, platform)
  const { clientId } = await bound(server, id)
  const address = `/admin/realms/acme/service-accounts/${clientId}/workload-identities`
  const add = (n: number) =>
    ask('POST', address, { trusted_issuer: id, rules: [{ claim: 'sub', equals: `w${n}` }] })
  for (let n = 1; n < 100; n++) t.equal((await add(n)).status, 201)
  t.match(await add(100), { status: 409, body: { limit: 100 } })
})

t.test('what tokens are looked up by stays while workload identities are bound', async (t) => {
  const { server, ask, platform } = await place(t)
  const id = await trust(server, platform, { requiredClaims: ['a'] })
  await bound(server, id)
  for (const [member, value] of [
    ['issuer', 'https://other.example'],
    ['required_claims', ['b']],
  ] as const)
    t.match(await ask('PATCH', `${ISSUERS}/${id}`, { [member]: value }), {
      status: 409,
      body: { field: member },
    })
  t.equal((await ask('PATCH', `${ISSUERS}/${id}`, { max_lifetime_seconds: 60 })).status, 200)
})

t.test('in realm system only the platform says whom it trusts', async (t) => {
  const { server, platform, keys } = await place(t)
  const own = asking(server, (await adminToken(server, 'system', ['account-admin'])).token)
  const refused = await own('POST', '/admin/realms/system/trusted-issuers', { issuer: platform.issuer, keys })
  t.equal(refused.status, 403)
})

t.test('each change of trust is in the audit trail, refused ones too', async (t) => {
  const { server, ask, platform } = await place(t)
  const id = await trust(server, platform)
  const { clientId, identityId } = await bound(server, id)
  await ask('POST', ISSUERS, { issuer: platform.issuer, keys: { source: 'discovery' } })
  await ask('PATCH', `${ISSUERS}/${id}`, { enabled: false })
  await ask('DELETE', `/admin/realms/acme/service-accounts/${clientId}/workload-identities/${identityId}`)
  await ask('DELETE', `${ISSUERS}/${id}`)
  const { items } = await server.operations.audit.list(TESTER, 'acme', { limit: 20 })
  const lines = items.map(({ action, target, outcome }) => [action, target, outcome])
  t.same(lines.slice(0, 7), [
    ['trusted-issuer.delete', id, 'done'],
    ['workload-identity.delete', clientId, 'done'],
    ['trusted-issuer.end-tokens', id, 'done'],
    ['trusted-issuer.update', id, 'done'],
    ['trusted-issuer.create', platform.issuer, 'refused'],
    ['workload-identity.add', clientId, 'done'],
    ['service-account.create', clientId, 'done'],
  ])
  t.match(items[2]?.details, { because: 'disable', service_accounts: 1 })
  t.match(items[3]?.details, { before: { enabled: true }, after: { enabled: false } })
})
