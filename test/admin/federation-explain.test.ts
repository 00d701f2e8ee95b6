import t, { type Test } from 'tap'
import { pinHash } from '../../src/crypto/platform-keys.ts'
import type { ClaimRule } from '../../src/domain/claim-rule.ts'
import { type IssuerSettings, parseIssuerSettings, type SentIssuer } from '../../src/domain/trusted-issuer.ts'
import { parseIdentity } from '../../src/domain/workload-identity.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { insertTrustedIssuer } from '../../src/storage/trusted-issuers.ts'
import { insertWorkloadIdentity } from '../../src/storage/workload-identities.ts'
import { type Ask, adminToken, asking, platformAdministrator } from '../support/admin.ts'
import { keyPair, publicJwk, query, signAssertion } from '../support/assertion.ts'
import { jwksOf, keyServer } from '../support/key-server.ts'
import { PUBLIC_URL, TESTER, type TestServer, testClock, testServer } from '../support/server.ts'

const ACME = `${PUBLIC_URL}/realms/acme`
const ISSUER = 'https://ci.example'
const EXPLAIN = '/admin/realms/acme/trusted-issuers/explain'

type Members = Readonly<Record<string, unknown>>

interface Setting {
  readonly server: TestServer
  readonly ask: Ask
  /** Signs claims that are right, but for those given. */
  token(claims?: Members, header?: Members): string
  trust(more?: Partial<SentIssuer>): Promise<string>
  bind(rules: unknown, more?: Bound): Promise<string>
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  explain(token: string, more?: Members): Promise<any>
}

interface Bound {
  readonly name?: string
  readonly authMethods?: string
  readonly issuerId?: string
}

async function setting(t: Test, options: Parameters<typeof testServer>[1] = {}): Promise<Setting> {
  const clock = testClock(new Date('2026-11-28T10:00:00Z'))
  const server = await testServer(t, { clock, ...options })
  const realm = await server.operations.realms.create(TESTER, 'acme')
  const ask = await platformAdministrator(server)
  const pair = keyPair('ES256')
  const db = openDatabase({ connectionString: server.databaseUrl, poolSize: 1, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  let settings: IssuerSettings | undefined
  const uploaded = { kind: 'jwks', keys: [{ ...publicJwk(pair), kid: 'k1' }] } as const
  const now = () => server.clock.now
  return {
    server,
    ask,
    token: (claims = {}, header = {}) => {
      const iat = Math.floor(now().getTime() / 1000)
      const right = { iss: ISSUER, sub: 'repo:acme/app:ref:refs/heads/main', aud: ACME, iat, exp: iat + 900 }
      return signAssertion(pair, { alg: 'ES256', kid: 'k1', ...header }, { ...right, ...claims })
    },
    trust: async (more = {}) => {
      settings = parseIssuerSettings({ issuer: ISSUER, keys: uploaded, ...more })
      const made = settings
      await db
        .transaction()
        .execute((trx) => insertTrustedIssuer(trx, realm.id, { ...made, id: 'ci' }, now()))
      return 'ci'
    },
    bind: async (sent, { name = 'deploy', authMethods = '{federated}', issuerId = 'ci' } = {}) => {
      const { account } = await server.operations.accounts.create(TESTER, 'acme', {
        name: `${name} ${Math.random()}`,
      })
      const { clientId } = account
      await query(server, 'update service_accounts set auth_methods = $2 where client_id = $1', [
        clientId,
        authMethods,
      ])
      const { rules, pins } = parseIdentity({ rules: sent }, settings?.requiredClaims ?? [])
      const identity = {
        id: `w${clientId}`,
        clientId,
        issuerId,
        rules: rules as ClaimRule[],
        name,
        createdAt: now(),
      }
      await db
        .transaction()
        .execute((trx) => insertWorkloadIdentity(trx, realm.id, identity, pins.map(pinHash)))
      return clientId
    },
    explain: async (token, more = {}) => {
      const answer = await ask('POST', EXPLAIN, { token, ...more })
      t.equal(answer.status, 200, answer.text)
      t.notMatch(
        answer.text,
        token.split('.')[2]?.slice(0, 86).padEnd(20, '~') ?? '~',
        'the signature is not repeated',
      )
      return answer.body
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
const stepOf = ({ steps }: any, name: string) => steps.find(({ step }: { step: string }) => step === name)

const SUB = 'repo:acme/app:ref:refs/heads/main'
const RULES = [{ claim: 'sub', equals: SUB }]

t.test('a token that is right is explained step by step, with the account that it would be', async (t) => {
  const { trust, bind, token, explain, server } = await setting(t)
  await trust()
  const clientId = await bind(RULES)
  const answer = await explain(token())
  t.match(answer, { accepted: true, reason: null, client_id: clientId, issuer: { id: 'ci', issuer: ISSUER } })
  t.same(
    answer.steps.map(({ step, ok }: { step: string; ok: boolean }) => [step, ok]),
    [
      ['format', true],
      ['issuer', true],
      ['algorithm', true],
      ['header', true],
      ['type', true],
      ['expiry', true],
      ['issued at', true],
      ['lifetime', true],
      ['not before', true],
      ['audience', true],
      ['trust domain', true],
      ['id', true],
      ['key', true],
      ['signature', true],
      ['workload identity', true],
      ['account', true],
    ],
  )
  t.match(stepOf(answer, 'expiry').note, /valid for another 15 minutes/)
  t.same(stepOf(answer, 'key'), {
    ...stepOf(answer, 'key'),
    expected: { kids: ['k1'] },
    found: { kid: 'k1' },
  })
  t.match(answer.workload_identities, [
    { client_id: clientId, ok: true, rules: [{ claim: ['sub'], ok: true, found: SUB }] },
  ])
  t.equal(answer.claims.sub, SUB)
  const stored = await query(server, 'select count(*)::int as n from used_assertions')
  t.same(stored, [{ n: 0 }], 'the token is not used up')
  t.notMatch(server.log.join('\n'), token().split('.')[1] as string)
})

t.test('each fault has its reason, what was expected and found, and what to do next', async (t) => {
  const { trust, bind, token, explain, server } = await setting(t)
  await trust({ name: 'CI' })
  await bind(RULES)
  const now = Math.floor(server.clock.now.getTime() / 1000)
  const forged = keyPair('ES256')
  const right = { iss: ISSUER, sub: SUB, aud: ACME, iat: now, exp: now + 60 }
  const cases: [
    name: string,
    token: string,
    reason: string,
    step: string,
    note: RegExp | undefined,
    next: RegExp,
  ][] = [
    ['no JWT', 'abc', 'malformed', 'format', undefined, /three parts/],
    ['a long one', `${'a'.repeat(9000)}.b.c`, 'too_large', 'format', undefined, /8192/],
    [
      'a slash too much',
      token({ iss: `${ISSUER}/` }),
      'issuer_unknown',
      'issuer',
      /slash at the end/,
      /exactly as the token names it/,
    ],
    [
      'other case',
      token({ iss: 'https://CI.example' }),
      'issuer_unknown',
      'issuer',
      /upper and lower case/,
      /exactly/,
    ],
    [
      'another issuer',
      token({ iss: 'https://other.example' }),
      'issuer_unknown',
      'issuer',
      undefined,
      /--issuer https:\/\/other.example$/,
    ],
    ['no iss', token({ iss: undefined }), 'issuer_unknown', 'issuer', /neither iss/, /right token/],
    [
      'expired',
      token({ iat: now - 12_000, exp: now - 11_520 }),
      'expired',
      'expiry',
      /expired 3 hours 12 minutes ago/,
      /new token/,
    ],
    ['no exp', token({ exp: undefined }), 'expiry_missing', 'expiry', undefined, /put exp/],
    [
      'from the future',
      token({ iat: now + 300 }),
      'issued_in_future',
      'issued at',
      /5 minutes ahead/,
      /clocks/,
    ],
    [
      'too old',
      token({ iat: now - 7200 }),
      'issued_too_long_ago',
      'issued at',
      /2 hours ago.*allow 1 hour/,
      /max_lifetime_seconds/,
    ],
    [
      'too long',
      token({ exp: now + 90_000 }),
      'lifetime_too_long',
      'lifetime',
      /1 day 1 hour in all/,
      /shorter lifetime/,
    ],
    [
      'not yet',
      token({ nbf: now + 90 }),
      'not_yet_valid',
      'not before',
      /1 minute 30 seconds ahead/,
      /clocks/,
    ],
    [
      'another aud',
      token({ aud: 'https://sts.example' }),
      'audience',
      'audience',
      undefined,
      /with the audience "https:\/\/auth.test\/realms\/acme"/,
    ],
    [
      'two aud',
      token({ aud: [ACME, 'https://sts.example'] }),
      'audience',
      'audience',
      /for "https:\/\/sts.example" as well/,
      /no other/,
    ],
    ['a slash in aud', token({ aud: `${ACME}/` }), 'audience', 'audience', /slash at the end/, /audience/],
    ['HS256', token({}, { alg: 'HS256' }), 'algorithm', 'algorithm', /never accepted/, /sign with one of/],
    [
      'jku',
      token({}, { jku: 'https://x.example' }),
      'header',
      'header',
      undefined,
      /leave these members out/,
    ],
    ['another typ', token({}, { typ: 'logout+jwt' }), 'type', 'type', undefined, /typ/],
    ['another kid', token({}, { kid: 'k2' }), 'key_unknown', 'key', /uploaded/, /Upload the keys/],
    [
      'another algorithm',
      token({}, { alg: 'RS256' }),
      'key_algorithm',
      'signature',
      undefined,
      /not for this algorithm/,
    ],
    [
      'forged',
      signAssertion(forged, { alg: 'ES256', kid: 'k1' }, right),
      'signature',
      'signature',
      undefined,
      /Copy the token whole/,
    ],
  ]
  for (const [name, asked, reason, step, note, next] of cases)
    t.test(name, async (t) => {
      const answer = await explain(asked)
      t.match(answer, { accepted: false, reason, client_id: null, next })
      t.match(answer.summary, /^The token is refused: /)
      const failed = stepOf(answer, step)
      t.match(failed, { ok: false, reason })
      if (note) t.match(failed.note, note)
    })
})

t.test('steps after a fault are explained as far as they can be', async (t) => {
  const { trust, bind, token, explain } = await setting(t)
  await trust()
  await bind(RULES)
  const answer = await explain(token({ exp: 1, iat: 0, aud: 'x', sub: 'other' }))
  t.equal(answer.reason, 'expired')
  t.same(
    answer.steps.filter(({ ok }: { ok: boolean }) => !ok).map(({ step }: { step: string }) => step),
    ['expiry', 'issued at', 'audience', 'workload identity', 'account'],
  )
  t.equal(stepOf(answer, 'signature').ok, true)
  const unknown = await explain(token({ iss: 'https://other.example' }))
  t.same(
    [stepOf(unknown, 'key').ok, stepOf(unknown, 'signature').ok, stepOf(unknown, 'account').ok],
    [null, null, null],
  )
})

t.test('rules say what differs, and the nearest workload identity comes first', async (t) => {
  const { trust, bind, token, explain } = await setting(t)
  await trust()
  const far = await bind(
    [
      { claim: 'sub', equals: 'x' },
      { claim: 'environment', equals: 'prod' },
    ],
    { name: 'far' },
  )
  const near = await bind([{ claim: 'sub', equals: SUB.replace('main', 'dev') }], { name: 'near' })
  const answer = await explain(token())
  t.match(answer, { reason: 'unbound', next: /nearest is workload identity "near" of account .*\(sub\)/ })
  t.same(
    answer.workload_identities.map(({ client_id }: { client_id: string }) => client_id),
    [near, far],
  )
  t.match(answer.workload_identities[1].rules[1], {
    ok: false,
    found: null,
    note: /no claim environment; it has /,
  })
  t.match(await explain(token(), { client_id: far }), {
    reason: 'client',
    workload_identities: { length: 1 },
  })
  t.match(await explain(token(), { client_id: 'none' }), {
    reason: 'client',
    next: /No account is bound.*"none"/,
  })
})

t.test('an account must be one alone, allowed to federate, and not disabled', async (t) => {
  const { trust, bind, token, explain, server } = await setting(t)
  await trust()
  const clientId = await bind(RULES, { authMethods: '{client_secret}' })
  t.match(await explain(token()), { reason: 'unbound', next: /add federated to its auth_methods/ })
  await query(server, "update service_accounts set auth_methods = '{federated}'")
  t.match(await explain(token()), { accepted: true, client_id: clientId })
  const other = await bind(RULES)
  t.match(await explain(token()), { reason: 'ambiguous', next: /Send client_id/ })
  t.match(await explain(token(), { client_id: other }), { accepted: true, client_id: other })
  await query(server, 'update service_accounts set disabled_at = now() where client_id = $1', [other])
  t.match(await explain(token(), { client_id: other }), {
    accepted: false,
    reason: 'disabled',
    next: /Enable the account/,
  })
})

t.test('a disabled issuer is named as the cause', async (t) => {
  const { trust, bind, token, explain } = await setting(t)
  await trust({ enabled: false })
  await bind(RULES)
  t.match(await explain(token()), { reason: 'issuer_disabled', next: /Enable the issuer/ })
})

t.test('fetched keys are told with when they were fetched, and what the last fetch said', async (t) => {
  const issuer = await keyServer(t, { plain: true })
  const keyFetching = { networks: ['127.0.0.0/8'], ca: undefined }
  const { trust, bind, token, explain, server } = await setting(t, { keyFetching })
  await trust({ keys: { kind: 'jwks_uri', address: `${issuer.url}/jwks` } })
  await bind(RULES)
  const none = await explain(token())
  t.match(none, {
    reason: 'keys_unavailable',
    next: /could not be fetched: No keys have been fetched.*status 404/,
  })
  issuer.answers['/jwks'] = jwksOf('other')
  server.clock.advance(31)
  const unknown = await explain(token())
  t.match(stepOf(unknown, 'key'), {
    ok: false,
    expected: { kids: ['other'] },
    found: { kid: 'k1' },
    note: /fetched from .* less than a second ago/,
  })
  t.match(unknown.next, /30 seconds/)
})

t.test('50 workload identities are shown of more', async (t) => {
  const { trust, bind, token, explain, server } = await setting(t)
  await trust()
  const clientId = await bind([{ claim: 'sub', equals: 'x' }])
  await query(
    server,
    `insert into workload_identities (realm_id, client_id, id, issuer_id, rules, created_at)
     select realm_id, client_id, 'more' || n, issuer_id, rules, created_at from workload_identities, generate_series(1, 60) n
     where client_id = $1`,
    [clientId],
  )
  const answer = await explain(token())
  t.equal(answer.workload_identities.length, 50)
  t.equal(answer.more, true)
})

t.test('administrators of the realm may ask, 60 times a minute', async (t) => {
  const { server, trust, token, ask } = await setting(t)
  await trust()
  const administrator = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.equal((await administrator('POST', EXPLAIN, { token: token() })).status, 200)
  const stranger = asking(server, (await adminToken(server, 'acme', ['view'])).token)
  t.equal((await stranger('POST', EXPLAIN, { token: token() })).status, 403)
  t.equal((await asking(server, undefined)('POST', EXPLAIN, { token: token() })).status, 401)
  t.equal((await ask('POST', '/admin/realms/none/trusted-issuers/explain', { token: token() })).status, 404)
  for (let at = 1; at < 60; at++) await administrator('POST', EXPLAIN, { token: 'x' })
  t.equal((await administrator('POST', EXPLAIN, { token: 'x' })).status, 429)
})

t.test('no token makes a fault', async (t) => {
  const { trust, bind, token, explain, ask } = await setting(t)
  await trust()
  await bind([...RULES, { claim: ['a', 'b'], matches: 'x*' }])
  const odd = [
    { a: { b: { c: 1 } } },
    { a: [1] },
    { a: 'text' },
    { sub: 5 },
    { sub: { x: 1 } },
    { aud: {} },
    { aud: [] },
  ]
  const times = [{ exp: 1e300 }, { exp: '5' }, { iat: -1e300 }, { iat: {} }, { nbf: [] }, { exp: -1e15 }]
  const texts = [
    { sub: '\u0000\ud800' },
    { iss: '\u0000' },
    { iss: ['x'] },
    { sub: 'spiffe://a/b' },
    JSON.parse('{"__proto__":{"sub":1}}'),
  ]
  for (const claims of [...odd, ...times, ...texts])
    t.type((await explain(token(claims))).accepted, 'boolean')
  for (const text of ['', '..', 'a.b.c', '\u0000', 'e30.e30.AA', `Bearer ${token()}`])
    t.equal((await explain(text)).accepted, false)
  t.equal((await ask('POST', EXPLAIN, { token: 5 })).status, 400)
  t.equal((await ask('POST', EXPLAIN, {})).status, 400)
})
