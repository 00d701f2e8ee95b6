import fc from 'fast-check'
import t from 'tap'
import {
  type CustomClaim,
  collide,
  makeCustomClaims,
  narrowCustomClaims,
} from '../../src/domain/custom-claim.ts'
import { checkCustomClaims, checkMetadata, RESERVED_CLAIMS } from '../../src/domain/custom-claim-check.ts'
import type { Refusal } from '../../src/domain/refusal.ts'

const SOURCES = {
  client_id: 'billing',
  name: 'Billing',
  roles: ['view', 'operate'],
  scope: ['a', 'b'],
  address: '192.0.2.7',
  realm: 'acme',
  metadata: { center: '4711', live: 'true', text: 'x', big: '12345678901234567890', zero: '007' },
}

const make = (own: unknown, ofRealm: unknown = [], audience = ['api']) => {
  checkCustomClaims(own)
  checkCustomClaims(ofRealm)
  return makeCustomClaims({ own, ofRealm }, SOURCES, audience)
}

function faultOf(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return (error as Refusal).field
  }
}

const refused = (claims: unknown) => faultOf(() => checkCustomClaims(claims))

t.test('a claim takes its value from JSON or from what is known of the account', async (t) => {
  const { claims, leftOut } = make([
    { claim: 'a.b.c', value: { x: [1, null, false] } },
    { claim: 'a.d', value: null },
    { claim: 'https://acme\\.example/tenant', value: 'acme' },
    { claim: 'clientId', from: 'client_id' },
    { claim: 'name', from: 'name', prefix: 'svc-' },
    { claim: 'groups', from: 'roles', prefix: '/' },
    { claim: 'roleText', from: 'roles', as: 'string' },
    { claim: 'scp', from: 'scope', as: 'string[]' },
    { claim: 'scopes', from: 'scope' },
    { claim: 'ip', from: 'address' },
    { claim: 'tenant', from: 'realm', as: 'string[]' },
    { claim: 'center', from: 'metadata.center', as: 'number' },
    { claim: 'live', from: 'metadata.live', as: 'boolean' },
  ])
  t.same(leftOut, [])
  t.same(claims, {
    a: { b: { c: { x: [1, null, false] } }, d: null },
    'https://acme.example/tenant': 'acme',
    clientId: 'billing',
    name: 'svc-Billing',
    groups: ['/view', '/operate'],
    roleText: 'view operate',
    scp: ['a', 'b'],
    scopes: 'a b',
    ip: '192.0.2.7',
    tenant: ['acme'],
    center: 4711,
    live: true,
  })
})

t.test('a claim that cannot be made is left out with the reason', async (t) => {
  const of = (from: string, as = 'number') => ({ claim: `${from}-${as}`, from, as })
  const { claims, leftOut } = make([
    of('metadata.text'),
    of('metadata.big'),
    of('metadata.zero'),
    of('metadata.none', 'string'),
    of('metadata.constructor', 'string'),
    of('metadata.center', 'boolean'),
  ])
  t.same(claims, {})
  t.same(
    leftOut.map(({ reason }) => reason),
    [
      'metadata.text is not a number',
      'metadata.big is not a number',
      'metadata.zero is not a number',
      'the account has no metadata none',
      'the account has no metadata constructor',
      'metadata.center is neither true nor false',
    ],
  )
})

t.test("an account's claim wins over its realm's, also where one lies within the other", async (t) => {
  const ofRealm = [
    { claim: 'a', value: { deep: 1 } },
    { claim: 'b.c', value: 1 },
    { claim: 'd', value: 1 },
  ]
  const own = [
    { claim: 'a.x', value: 2 },
    { claim: 'b', value: 2 },
  ]
  t.same(make(own, ofRealm).claims, { a: { x: 2 }, b: 2, d: 1 })
  const limited = [{ claim: 'd', value: 2, audiences: ['other'] }]
  t.same(make(limited, ofRealm).claims['d'], 1)
  t.same(make(limited, ofRealm, ['api', 'other']).claims['d'], 2)
  const impossible = [{ claim: 'd', from: 'metadata.text', as: 'number' }]
  t.notOk('d' in make(impossible, ofRealm).claims, 'one that cannot be made lets no other in its place')
})

t.test('settings make none of the claims that mean something to the server', async (t) => {
  for (const name of 'iss sub aud exp nbf iat jti cnf status act scope client_id authorization_details roles azp'.split(
    ' ',
  ))
    t.ok(RESERVED_CLAIMS.has(name), name)
  for (const name of RESERVED_CLAIMS) {
    t.equal(
      refused([
        { claim: 'ok', value: 1 },
        { claim: name, value: 1 },
      ]),
      'claims.1.claim',
      name,
    )
    t.equal(refused([{ claim: `${name}.deep.er`, value: 1 }]), 'claims.0.claim', name)
    t.equal(refused([{ claim: `deep.${name}`, value: 1 }]), undefined, name)
  }
})

t.test('claims out of bounds are refused by the path of the member', async (t) => {
  const one = (more: object) => [{ claim: 'x', ...more }]
  const cases: [unknown, string][] = [
    [{}, 'claims'],
    [Array.from({ length: 33 }, (_, n) => ({ claim: `c${n}`, value: 1 })), 'claims'],
    [[null], 'claims.0'],
    [[{ value: 1 }], 'claims.0.claim'],
    [one({}), 'claims.0'],
    [one({ value: 1, from: 'name' }), 'claims.0'],
    [one({ value: 1, prefix: 'x' }), 'claims.0'],
    [one({ value: 1, script: 'x' }), 'claims.0'],
    [one({ value: 'x'.repeat(1023) }), 'claims.0.value'],
    [one({ value: 'ü'.repeat(512) }), 'claims.0.value'],
    [one({ value: 2 ** 53 }), 'claims.0.value'],
    [one({ value: [Number.NaN] }), 'claims.0.value'],
    [one({ value: 'a\0' }), 'claims.0.value'],
    [one({ value: { '\ud800': 1 } }), 'claims.0.value'],
    [one({ value: JSON.parse('{"a":{"__proto__":1}}') }), 'claims.0.value'],
    [one({ value: JSON.parse(`${'['.repeat(400)}${']'.repeat(400)}`) }), 'claims.0.value'],
    [one({ from: 'secret' }), 'claims.0.from'],
    [one({ from: 'metadata.' }), 'claims.0.from'],
    [one({ from: 'metadata.__proto__' }), 'claims.0.from'],
    [one({ from: 'name', as: 'json' }), 'claims.0.as'],
    [one({ from: 'roles', as: 'number' }), 'claims.0.as'],
    [one({ from: 'name', prefix: 1 }), 'claims.0.prefix'],
    [one({ from: 'metadata.n', as: 'number', prefix: 'x' }), 'claims.0.prefix'],
    [one({ value: 1, audiences: [] }), 'claims.0.audiences'],
    [one({ value: 1, audiences: ['has space'] }), 'claims.0.audiences'],
  ]
  for (const [claims, field] of cases) t.equal(refused(claims), field, JSON.stringify(claims))
  for (const claim of [
    '',
    '.',
    'a..b',
    '.a',
    'a.',
    'a\\b',
    '__proto__',
    'a.__proto__.b',
    'a\n',
    'x'.repeat(201),
    'a.b.c.d.e.f.g.h.i',
    7,
  ])
    t.equal(refused([{ claim, value: 1 }]), 'claims.0.claim', String(claim))
  for (const [a, b] of [
    ['a', 'a'],
    ['a.b', 'a'],
    ['a', 'a.b'],
    ['a.b', 'a.b.c'],
    ['a\\.b.c', 'a\\.b'],
  ])
    t.equal(
      refused([
        { claim: a, value: 1 },
        { claim: b, value: 1 },
      ]),
      'claims.1.claim',
      `${a} ${b}`,
    )
  t.equal(
    refused([
      { claim: 'a.b', value: 1 },
      { claim: 'a.bc', value: 1 },
      { claim: 'a\\.b', value: 1 },
    ]),
    undefined,
  )
})

t.test('metadata is at most 16 pairs of text', async (t) => {
  const fault = (metadata: unknown) => faultOf(() => checkMetadata(metadata))
  t.equal(fault(Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, '']))), undefined)
  t.equal(fault(Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, '']))), 'metadata')
  t.equal(fault([]), 'metadata')
  t.equal(fault({ k: 1 }), 'metadata.k')
  t.equal(fault({ k: 'x'.repeat(501) }), 'metadata.k')
  t.equal(fault({ k: 'a\0' }), 'metadata.k')
  for (const key of ['', '1a', 'a b', '__proto__', 'x'.repeat(65)])
    t.equal(fault(JSON.parse(JSON.stringify({ x: '' }).replace('x', key))), 'metadata', key)
})

t.test('claims of roles and scopes are told less what the account lost', async (t) => {
  const own: CustomClaim[] = [
    { claim: 'in.groups', from: 'roles', prefix: '/' },
    { claim: 'scp', from: 'scope' },
    { claim: 'later', from: 'roles' },
  ]
  const token = { aud: 'api', in: { groups: ['/view', '/operate'], other: 1 }, scp: 'a b', x: 1 }
  const before = structuredClone(token)
  const told = narrowCustomClaims({ own }, { roles: ['view'], scope: [] }, token)
  t.same(JSON.parse(JSON.stringify(told)), { aud: 'api', in: { groups: ['/view'], other: 1 }, x: 1 })
  t.same(token, before, 'the token stays as it is')
})

t.test('whatever is accepted makes claims at their paths, and none beside', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'constructor', 'toString', 'length', 'x\\.y')
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('.'))
  const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>
  const claims = fc.array(fc.record({ claim: path, value }), { maxLength: 8 })
  fc.assert(
    fc.property(claims, claims, (own, ofRealm) => {
      if (refused(own) !== undefined || refused(ofRealm) !== undefined) return
      const made = makeCustomClaims({ own, ofRealm }, SOURCES, ['api']).claims
      const kept = ofRealm.filter(({ claim }) => !own.some((one) => collide(one.claim, claim)))
      for (const one of [...own, ...kept]) {
        const names = one.claim.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))
        const found = names.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], made)
        if (JSON.stringify(found) !== JSON.stringify(one.value)) throw new Error(one.claim)
      }
      const roots = new Set(
        [...own, ...kept].map(({ claim }) => claim.split(/(?<!\\)\./)[0]?.replaceAll('\\.', '.')),
      )
      if (Object.keys(made).some((root) => !roots.has(root))) throw new Error('another claim')
    }),
  )
})
