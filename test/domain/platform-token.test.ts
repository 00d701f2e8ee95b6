import t from 'tap'
import { type PlatformToken, parsePlatformToken } from '../../src/domain/platform-token.ts'
import { faultOfToken, TOKEN_STEPS } from '../../src/domain/platform-token-steps.ts'
import { trustDomainOf } from '../../src/domain/spiffe.ts'
import { parseIssuerSettings, type TrustedIssuer } from '../../src/domain/trusted-issuer.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const SECONDS = NOW.getTime() / 1000
const OURS = 'https://auth.example.com/realms/acme'

const keys = { kind: 'discovery', address: 'https://platform.example' } as const
const ISSUER: TrustedIssuer = {
  ...parseIssuerSettings({ issuer: 'https://platform.example', keys }),
  id: '1',
  ending: undefined,
  version: 1,
  createdAt: NOW,
  updatedAt: NOW,
}

const GOOD = { iss: ISSUER.issuer, sub: 'a', aud: OURS, iat: SECONDS, exp: SECONDS + 600 }

function tokenOf(claims: object, header: object = {}): PlatformToken {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return parsePlatformToken(`${part({ alg: 'ES256', ...header })}.${part(claims)}.AA`) as PlatformToken
}

const check = (token: PlatformToken, issuer: TrustedIssuer | undefined = ISSUER) => ({
  token,
  issuer,
  audiences: [OURS, `${OURS}/protocol/openid-connect/token`],
  now: NOW,
})

t.test('a platform token is refused for the first thing that is wrong with it', async (t) => {
  const cases: [
    fault: string | undefined,
    claims: object,
    header?: object,
    issuer?: Partial<TrustedIssuer>,
  ][] = [
    [undefined, {}],
    [undefined, {}, { typ: 'at+jwt' }],
    [undefined, {}, { typ: 'JOSE' }],
    [undefined, { aud: [OURS] }],
    [undefined, { aud: [OURS, `${OURS}/protocol/openid-connect/token`] }],
    [undefined, { iat: undefined }],
    [undefined, { iat: SECONDS + 30 }],
    ['algorithm', {}, { alg: 'none' }],
    ['algorithm', {}, { alg: 'HS256' }],
    ['algorithm', {}, { alg: 'toString' }],
    ['algorithm', {}, { alg: ['ES256'] }],
    ['algorithm', {}, { alg: 'ES256' }, { algorithms: ['RS256'] }],
    ['header', {}, { crit: ['exp'] }],
    ['header', {}, { jwk: {} }],
    ['header', {}, { kid: 1 }],
    ['type', {}, { typ: 'dpop+jwt' }],
    ['type', {}, { typ: null }],
    ['issuer_disabled', {}, {}, { enabled: false }],
    ['issuer_disabled', {}, {}, { ending: 'delete' }],
    ['expiry_missing', { exp: undefined }],
    ['expiry_missing', { exp: '9999999999' }],
    ['expiry_missing', { exp: 1e300 }],
    ['expired', { exp: SECONDS }],
    ['issued_in_future', { iat: SECONDS + 31 }],
    ['issued_in_future', { iat: 'now' }],
    ['issued_too_long_ago', { iat: SECONDS - 3601 }],
    ['lifetime_too_long', { iat: SECONDS - 3000, exp: SECONDS + 601 }],
    ['lifetime_too_long', { iat: undefined, exp: SECONDS + 3601 }],
    ['not_yet_valid', { nbf: SECONDS + 31 }],
    ['not_yet_valid', { nbf: null }],
    ['audience', { aud: undefined }],
    ['audience', { aud: [] }],
    ['audience', { aud: [OURS, 'https://other.example'] }],
    ['audience', { aud: { 0: OURS } }],
    ['id', {}, {}, { singleUse: true }],
    ['id', { jti: 'x'.repeat(129) }, {}, { singleUse: true }],
    [undefined, { jti: 'x' }, {}, { singleUse: true }],
    ['trust_domain', {}, {}, { issuer: 'spiffe://td.example' }],
    ['trust_domain', { sub: 'spiffe://td.example.evil/a' }, {}, { issuer: 'spiffe://td.example' }],
    [undefined, { sub: 'spiffe://td.example/ns/a' }, {}, { issuer: 'spiffe://td.example' }],
  ]
  for (const [fault, claims, header, issuer] of cases) {
    const token = tokenOf({ ...GOOD, ...claims }, header)
    t.equal(
      faultOfToken(check(token, { ...ISSUER, ...issuer })),
      fault,
      JSON.stringify([claims, header, issuer]),
    )
  }
  t.equal(faultOfToken({ ...check(tokenOf(GOOD)), issuer: undefined }), 'issuer_unknown')
})

t.test('each step can be explained whatever a token says', async (t) => {
  const strange = [{}, { exp: 'a', aud: null, iat: {}, sub: 1 }, { exp: 1e308, iat: -1e300 }, { aud: [[[]]] }]
  for (const claims of strange)
    for (const issuer of [ISSUER, undefined])
      for (const step of TOKEN_STEPS) {
        const asked = { ...check(tokenOf(claims, { alg: {}, typ: [], kid: {} })), issuer }
        step.fault(asked)
        JSON.stringify([step.expected(asked), step.found(asked)])
      }
  t.pass()
})

t.test('the trust domain of a SPIFFE ID ends with its first slash', async (t) => {
  t.equal(trustDomainOf('spiffe://td.example/a/b'), 'spiffe://td.example')
  t.equal(trustDomainOf('spiffe://td.example'), 'spiffe://td.example')
  for (const sub of [
    'spiffe://td.example:8443/a',
    'spiffe://TD/a',
    'https://td/a',
    'spiffe:///a',
    'spiffe://u@td/a',
    1,
  ])
    t.equal(trustDomainOf(sub), undefined, String(sub))
})

t.test('an issuer is an https address as its tokens have it, or a trust domain', async (t) => {
  const jwks = { kind: 'jwks', keys: [] } as const
  for (const issuer of [
    'https://a.example',
    'https://a.example/x/',
    'spiffe://td',
    'http://127.0.0.1:8080/realms/a',
  ])
    t.equal(parseIssuerSettings({ issuer, keys: jwks }).issuer, issuer)
  for (const issuer of [
    'http://a.example',
    'https://u:p@a.example',
    'https://a.example#x',
    'https://a.example?x',
    'https:a.example',
    'spiffe://td/a',
    'ftp://a.example',
    'a',
    '',
    `https://a.example/${'x'.repeat(500)}`,
    'https://a.example/ü',
  ])
    t.throws(() => parseIssuerSettings({ issuer, keys: jwks }), { code: 'invalid', field: 'issuer' }, issuer)
  t.throws(() => parseIssuerSettings({ issuer: 'spiffe://td', keys }), {
    code: 'invalid',
    field: 'keys.source',
  })
  const address = 'http://10.0.0.1/keys'
  t.throws(() => parseIssuerSettings({ issuer: 'https://a.example', keys: { kind: 'jwks_uri', address } }), {
    code: 'invalid',
    field: 'keys.jwks_uri',
  })
})
