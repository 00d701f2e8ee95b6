import fc from 'fast-check'
import t from 'tap'
import { decideClaims } from '../../src/domain/access-token.ts'
import { OAuthError } from '../../src/domain/oauth-error.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import {
  MAX_CLAIMS_BYTES,
  requireRoomForRights,
  requireRoomForScopes,
  writeClaims,
} from '../../src/domain/token-size.ts'

const PUBLIC_URL = 'https://auth.example.com'
const names = (prefix: string, most: number) =>
  fc
    .tuple(fc.nat({ max: 100 }), fc.integer({ min: 4, max: most }))
    .map(([count, length]) => Array.from({ length: count }, (_, n) => `${prefix}${n}`.padEnd(length, 'x')))
const realm = fc.record({
  name: fc.constant('r'.repeat(63)),
  scopes: names('s', 100).filter((list) => list.length > 0),
  audiences: names('https://a', 1000),
})
const details = fc.nat({ max: 60 }).map((count) =>
  Array.from({ length: count }, (_, n) => ({
    type: 'device',
    identifier: `${n}`.padEnd(40, '-'),
    privileges: ['view'],
  })),
)
const holder = fc.record({
  clientId: fc.constant('c'.repeat(64)),
  roles: names('r', 63),
  scopes: fc.constant(undefined),
})

function claimsOf({ name, ...of }: typeof realm extends fc.Arbitrary<infer R> ? R : never, subject: object) {
  const issuer = `${PUBLIC_URL}/realms/${name}`
  const known = [...of.audiences, issuer]
  const tokenRealm = { ...of, issuer, audiences: known, resourceTypes: [], tokenLifetimeSeconds: 300 }
  const none = { scope: undefined, targets: { resources: [], audience: undefined } }
  const whole = { statusIndex: 7, details: [], detailsOmitted: false, ...subject } as never
  return decideClaims(whole, tokenRealm, none, { now: new Date(), jti: 'j'.repeat(36) })
}

const isRefused = (act: () => unknown) => {
  try {
    act()
    return false
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return true
  }
}

t.test('what an account may hold always fits into a token, whatever its grants are', async () => {
  fc.assert(
    fc.property(realm, holder, details, (of, account, grants) => {
      if (isRefused(() => requireRoomForRights(PUBLIC_URL, of, account))) return true
      const { claims, json } = writeClaims(claimsOf(of, { ...account, details: grants }), false)
      return json.length <= MAX_CLAIMS_BYTES && json === JSON.stringify(claims)
    }),
  )
})

t.test('no token exceeds the limit', async () => {
  fc.assert(
    fc.property(realm, holder, details, fc.boolean(), (of, account, grants, asks) => {
      const claims = claimsOf(of, { ...account, details: grants })
      try {
        return writeClaims(claims, asks).json.length <= MAX_CLAIMS_BYTES
      } catch (error) {
        return error instanceof OAuthError
      }
    }),
  )
})

t.test('rights over the limit are refused by its name, unless they are less than before', async (t) => {
  const many = Array.from({ length: 100 }, (_, n) => `role-${n}-${'x'.repeat(50)}`)
  const of = { name: 'acme', scopes: ['view'], audiences: [] }
  const before = { clientId: 'c', roles: many, scopes: undefined }
  const refusal = { code: 'limit_reached', limit: MAX_CLAIMS_BYTES, field: 'roles', message: /may take 5632/ }
  t.throws(() => requireRoomForRights(PUBLIC_URL, of, before), refusal)
  t.throws(() => requireRoomForRights(PUBLIC_URL, of, before, { ...before, roles: many.slice(1) }), refusal)
  t.doesNotThrow(() => requireRoomForRights(PUBLIC_URL, of, { ...before, roles: many.slice(1) }, before))
  const long = { ...of, scopes: many }
  t.throws(() => requireRoomForScopes(PUBLIC_URL, long), { ...refusal, field: 'scopes' })
  t.doesNotThrow(() => requireRoomForScopes(PUBLIC_URL, { ...long, scopes: many.slice(1) }, long))
})

t.test('a refusal says what to ask for less of', async (t) => {
  const of = { name: 'acme', scopes: ['view'], audiences: [] }
  const base = claimsOf(of, { clientId: 'c', roles: ['view'] })
  const audiences = Array.from({ length: 10 }, (_, n) => `https://${n}.test/${'x'.repeat(800)}`)
  t.throws(() => writeClaims({ ...base, aud: audiences }, false), { code: 'invalid_target' })
  const scope = 'x'.repeat(6000)
  t.throws(() => writeClaims({ ...base, scope }, false), { code: 'invalid_scope' })
  t.throws(() => writeClaims({ ...base, aud: audiences, scope }, false), { code: 'invalid_scope' })
  const grants = Array.from({ length: 100 }, (_, n) => ({
    type: 'device',
    identifier: `${n}`.padEnd(60),
    privileges: ['view'],
  }))
  const full = { ...base, authorization_details: grants }
  t.throws(() => writeClaims(full, true), { code: 'invalid_authorization_details' })
  t.throws(() => writeClaims({ ...full, scope }, true), { code: 'invalid_scope' })
  t.match(writeClaims(full, false).claims, { authorization_details_omitted: true })
})
