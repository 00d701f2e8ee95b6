import { createPublicKey, KeyObject, randomBytes } from 'node:crypto'
import { CompactSign, type CryptoKey, exportSPKI, importJWK, SignJWT } from 'jose'
import t from 'tap'
import {
  createVerifier,
  TokenError,
  type TokenErrorCode,
  type Verifier,
} from '../../packages/verifier/src/index.ts'
import { Issuer, makeKey } from './issuer.ts'

const issuer = await Issuer.start(t)
const verifier = createVerifier({ issuer: issuer.url, audience: 'https://api.example', now: issuer.now })

async function refusal(token: string, by: Verifier = verifier): Promise<TokenError> {
  try {
    await by.verify(token)
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  throw new Error('the token was accepted')
}

function refuses(rule: string, code: TokenErrorCode, make: () => string | Promise<string>): void {
  t.test(rule, async (t) => {
    const error = await refusal(await make())
    t.equal(error.code, code)
    t.equal(error.status, 401)
    t.match(error.challenge(), /^Bearer realm="api", error="invalid_token", error_description="[^"\\]+"$/)
  })
}

const b64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')

/** Signs any text as it stands. */
function signText(payload: string | Uint8Array, header: Record<string, unknown> = {}): Promise<string> {
  return new CompactSign(typeof payload === 'string' ? new TextEncoder().encode(payload) : payload)
    .setProtectedHeader({ alg: issuer.key.alg, kid: issuer.key.kid, typ: 'at+jwt', ...header })
    .sign(issuer.key.privateKey)
}

/** Signs over a header as it stands. */
async function signHeader(header: string): Promise<string> {
  const input = `${b64(header)}.${b64(JSON.stringify(issuer.claims()))}`
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(
    algorithm,
    issuer.key.privateKey,
    new TextEncoder().encode(input),
  )
  return `${input}.${b64(new Uint8Array(signature))}`
}

t.test('accepts the token that all of these are made from', async (t) => {
  t.equal((await verifier.verify(await issuer.token())).clientId, 'sa-1')
  t.equal((await verifier.verify(await signText(JSON.stringify(issuer.claims())))).clientId, 'sa-1')
  const header = '{"alg":"ES256","kid":"key-1","typ":"at+jwt"}'
  t.equal((await verifier.verify(await signHeader(header))).clientId, 'sa-1')
})

// RFC 9068 section 4, RFC 8725 section 3.11.
for (const typ of [
  'JWT',
  'at',
  'at+jwt ',
  'application/jwt',
  'statuslist+jwt',
  'secevent+jwt',
  '',
  undefined,
])
  refuses(`refuses typ ${JSON.stringify(typ)}`, 'wrong_type', () => issuer.token({}, { typ }))
t.test('takes the typ that it was told, and no other', async (t) => {
  const { url, now } = issuer
  const ofJwt = createVerifier({ issuer: url, audience: 'https://api.example', now, tokenType: 'JWT' })
  t.match(await ofJwt.verify(await issuer.token({}, { typ: 'JWT' })), { claims: { iss: url } })
  for (const typ of ['at+jwt', 'statuslist+jwt', undefined])
    t.equal((await refusal(await issuer.token({}, { typ }), ofJwt)).code, 'wrong_type')
})
refuses('refuses a typ that is not a string', 'wrong_type', () => issuer.token({}, { typ: ['at+jwt'] }))
refuses('refuses a status list where a token is due', 'wrong_type', () => issuer.statusToken())

for (const iss of [
  'https://evil.example/realms/acme',
  undefined,
  ['x'],
  7,
  `${issuer.url}/`,
  issuer.url.toUpperCase(),
  issuer.url.replace('acme', 'acm'),
])
  refuses(`refuses iss ${JSON.stringify(iss)?.replace(/\d{4,}/, 'PORT')}`, 'wrong_issuer', () =>
    issuer.token({ iss }),
  )

t.test("refuses another issuer's token without asking for keys", async (t) => {
  const other = await Issuer.start(t)
  const before = issuer.fetches.keys
  t.equal((await refusal(await other.token())).code, 'wrong_issuer')
  t.equal(issuer.fetches.keys, before)
  t.equal(other.fetches.keys, 0)
})

t.test("refuses a token that another issuer's key signed in this issuer's name", async (t) => {
  const key = await makeKey(issuer.key.kid)
  t.equal((await refusal(await issuer.token({}, {}, key))).code, 'bad_signature')
})

for (const aud of [
  'https://other.example',
  ['https://other.example'],
  undefined,
  [],
  '',
  7,
  ['https://api.example', 7],
])
  t.test(`refuses aud ${JSON.stringify(aud)}`, async (t) => {
    const { code } = await refusal(await issuer.token({ aud }))
    t.equal(code, typeof aud === 'string' && aud ? 'wrong_audience' : code)
    t.ok(['wrong_audience', 'invalid_claim'].includes(code))
  })

// RFC 8725 section 3.1.
for (const alg of ['none', 'None', 'nOnE', 'NONE'])
  refuses(
    `refuses alg ${alg}`,
    'algorithm_not_allowed',
    () =>
      `${b64(JSON.stringify({ alg, kid: issuer.key.kid, typ: 'at+jwt' }))}.${b64(JSON.stringify(issuer.claims()))}.`,
  )

refuses('refuses alg none with a signature', 'algorithm_not_allowed', async () => {
  const [, payload, signature] = (await issuer.token()).split('.')
  return `${b64('{"alg":"none","kid":"key-1","typ":"at+jwt"}')}.${payload}.${signature}`
})

for (const alg of [undefined, 7, ['ES256'], '', 'es256', '__proto__', 'toString'])
  refuses(`refuses alg ${JSON.stringify(alg)}`, 'algorithm_not_allowed', () =>
    signHeader(JSON.stringify({ alg, kid: 'key-1', typ: 'at+jwt' })),
  )

t.test('RS256 and HS256 are not confused', async (t) => {
  const rsa = await Issuer.start(t, 'RS256')
  const by = createVerifier({ issuer: rsa.url, audience: 'https://api.example', now: rsa.now })
  t.equal((await by.verify(await rsa.token())).clientId, 'sa-1')
  const publicKey = (await importJWK(rsa.key.jwk, 'RS256', { extractable: true })) as CryptoKey
  const pem = await exportSPKI(publicKey)
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  for (const secret of [pem, `${pem}\n`, der, JSON.stringify(rsa.key.jwk), rsa.key.jwk.n as string]) {
    const token = await new SignJWT(rsa.claims())
      .setProtectedHeader({ alg: 'HS256', kid: rsa.key.kid, typ: 'at+jwt' })
      .sign(typeof secret === 'string' ? new TextEncoder().encode(secret) : secret)
    t.equal((await refusal(token, by)).code, 'algorithm_not_allowed')
  }
  t.test("a key is good for its own algorithm only, even when another's signature is right", async (t) => {
    const pss = await importJWK(
      { ...(KeyObject.from(rsa.key.privateKey).export({ format: 'jwk' }) as object), kty: 'RSA' },
      'PS256',
    )
    const token = await rsa.token({}, {}, { ...rsa.key, alg: 'PS256', privateKey: pss as CryptoKey })
    t.equal((await refusal(token, by)).code, 'algorithm_mismatch')
  })
  t.test(
    'an algorithm that is not on the list is refused, though the issuer publishes its key',
    async (t) => {
      const strict = createVerifier({
        issuer: rsa.url,
        audience: 'https://api.example',
        algorithms: ['ES256'],
        now: rsa.now,
      })
      t.equal((await refusal(await rsa.token(), strict)).code, 'algorithm_not_allowed')
    },
  )
})

for (const kid of [
  '../../../../dev/null',
  "key-1' OR '1'='1",
  "x'; DROP TABLE signing_keys; --",
  'key-1\u0000',
  '/proc/self/environ',
  'https://evil.example/jwks',
  '__proto__',
  'constructor',
  '| id',
  '',
  'k'.repeat(10_000),
])
  refuses(`refuses kid ${JSON.stringify(kid.slice(0, 40))}`, 'unknown_key', () => issuer.token({}, { kid }))
refuses('refuses a token without kid', 'unknown_key', () => issuer.token({}, { kid: undefined }))
refuses('refuses a kid that is not a string', 'unknown_key', () =>
  issuer.token({}, { kid: { toString: 'key-1' } }),
)

t.test('a token that brings its own key is refused, and the key is not fetched', async (t) => {
  const evil = await Issuer.start(t)
  const jwks = `${evil.url}/protocol/openid-connect/certs`
  const chain = { x5c: [Buffer.from('certificate').toString('base64')] }
  for (const header of [{ jku: jwks }, { x5u: jwks }, { jwk: evil.key.jwk }, chain, { jku: issuer.url }]) {
    const error = await refusal(await issuer.token({}, header, evil.key))
    t.equal(error.code, 'forbidden_header')
    t.equal(error.reason, Object.keys(header)[0])
  }
  t.equal(
    (await refusal(await issuer.token({}, { jku: jwks }))).code,
    'forbidden_header',
    'rightly signed or not',
  )
  t.equal(evil.fetches.keys, 0)
})

// RFC 7515 section 4.1.11, RFC 7797.
refuses('refuses crit', 'forbidden_header', () =>
  signHeader('{"alg":"ES256","kid":"key-1","typ":"at+jwt","crit":["x"],"x":1}'),
)
refuses('refuses b64', 'forbidden_header', () =>
  signHeader('{"alg":"ES256","kid":"key-1","typ":"at+jwt","b64":false}'),
)

refuses('refuses a token of 1 MB', 'too_large', () => issuer.token({ padding: 'x'.repeat(1_000_000) }))
refuses('refuses 1 MB of dots', 'too_large', () => '.'.repeat(1_000_000))
t.test('accepts a token just below the limit, and refuses it above a lower one', async (t) => {
  const token = await issuer.token({ padding: 'x'.repeat(40_000) })
  t.equal((await verifier.verify(token)).id, 'jti-1')
  const strict = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    maxTokenBytes: 40_000,
    now: issuer.now,
  })
  t.equal((await refusal(token, strict)).code, 'too_large')
})

const nested = (open: string, close: string) => `{"a":${open.repeat(8000)}1${close.repeat(8000)}}`
refuses('refuses arrays nested 8000 deep', 'malformed', () => signText(nested('[', ']')))
refuses('refuses objects nested 6000 deep', 'malformed', () =>
  signText(`${'{"a":'.repeat(6000)}1${'}'.repeat(6000)}`),
)
refuses('refuses unclosed arrays', 'malformed', () => signText('['.repeat(40_000)))
refuses('refuses a deeply nested header', 'malformed', () => signHeader(nested('[', ']')))

const twice = (member: string) => signText(JSON.stringify(issuer.claims()).replace('{', `{${member},`))
refuses('refuses aud twice', 'duplicate_member', () => twice('"aud":"https://other.example"'))
refuses('refuses sub twice, though alike', 'duplicate_member', () => twice('"sub":"sa-1"'))
refuses('refuses exp twice, once escaped', 'duplicate_member', () => twice('"e\\u0078p":1'))
refuses('refuses a nested member twice', 'duplicate_member', () => twice('"x":{"a":1,"a":":"}'))
refuses('refuses alg twice', 'duplicate_member', () =>
  signHeader('{"alg":"none","alg":"ES256","kid":"key-1","typ":"at+jwt"}'),
)
t.test('takes no colon or quote within a string for a member', async (t) => {
  const token = await verifier.verify(
    await issuer.token({ note: 'a:b\\":"c":{"sub":1', '\\":': { 'x"': ':' }, __proto__: 1 }),
  )
  t.equal(token.claims['note'], 'a:b\\":"c":{"sub":1')
})

refuses('refuses iat ten minutes ahead', 'not_yet_valid', () =>
  issuer.token({ iat: issuer.seconds + 600, exp: issuer.seconds + 900 }),
)
refuses('refuses iat in the year 5000', 'not_yet_valid', () =>
  issuer.token({ iat: 95_617_584_000, exp: 95_617_585_000 }),
)
refuses('refuses nbf ahead', 'not_yet_valid', () => issuer.token({ nbf: issuer.seconds + 600 }))
for (const iat of [undefined, 'now', null, 8_640_000_000_001])
  refuses(`refuses iat ${JSON.stringify(iat)}`, 'invalid_claim', () => issuer.token({ iat }))
refuses('refuses an iat too big for a number', 'invalid_claim', () =>
  signText(JSON.stringify(issuer.claims()).replace(/"iat":\d+/, '"iat":1e999')),
)
for (const exp of [undefined, '9999999999', null, true])
  refuses(`refuses exp ${JSON.stringify(exp)}`, 'invalid_claim', () => issuer.token({ exp }))
refuses('refuses an exp that is for ever', 'invalid_claim', () =>
  signText(JSON.stringify(issuer.claims()).replace(/"exp":\d+/, '"exp":1e999')),
)

t.test('exp, iat and nbf are right to the second of the tolerance', async (t) => {
  const { seconds } = issuer
  t.equal((await refusal(await issuer.token({ iat: seconds - 300, exp: seconds - 5 }))).code, 'expired')
  t.equal((await verifier.verify(await issuer.token({ exp: seconds - 4 }))).id, 'jti-1')
  t.equal((await refusal(await issuer.token({ iat: seconds + 61 }))).code, 'not_yet_valid')
  t.equal((await refusal(await issuer.token({ nbf: seconds + 61 }))).code, 'not_yet_valid')
  const exact = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    clockToleranceSeconds: 0,
    now: issuer.now,
  })
  t.equal((await refusal(await issuer.token({ exp: seconds }), exact)).code, 'expired')
  t.equal((await exact.verify(await issuer.token({ exp: seconds + 1 }))).id, 'jti-1')
  const fast = await issuer.token({ iat: seconds + 60, nbf: seconds + 60, exp: seconds + 360 })
  for (const any of [verifier, exact])
    t.equal((await any.verify(fast)).id, 'jti-1', 'a node may be a minute fast')
})

for (const claims of [
  { sub: undefined },
  { sub: 7 },
  { sub: '' },
  { client_id: undefined },
  { client_id: ['sa-1'] },
  { jti: undefined },
  { jti: 7 },
  { scope: ['devices:read'] },
  { roles: 'view' },
  { roles: [7] },
  { authorization_details: { type: 'device' } },
  { authorization_details: [{ identifier: 'x' }] },
  { authorization_details: [{ type: 'device', identifier: 7 }] },
  { authorization_details: [{ type: 'device', privileges: 'view' }] },
  { authorization_details: [null] },
  { nbf: 'now' },
])
  refuses(`refuses ${JSON.stringify(claims)}`, 'invalid_claim', () => issuer.token(claims))

for (const text of [
  '',
  '.',
  '..',
  '...',
  'a.b',
  'a.b.c.d',
  'a b.c.d',
  'a.b.c=',
  'ä.b.c',
  'a.b.c\n',
  `${b64('{}')}.e30.AA.`,
])
  refuses(`refuses ${JSON.stringify(text)}`, 'malformed', () => text)
refuses(
  'refuses a header that is not UTF-8',
  'malformed',
  async () => `${b64(Uint8Array.of(0x7b, 0xff, 0x7d))}.e30.AA`,
)
refuses('refuses a payload that is not an object', 'malformed', () => signText('[1]'))
refuses('refuses a payload that is not JSON', 'malformed', () => signText('hello'))
refuses('refuses a payload with a byte order mark', 'malformed', () =>
  signText(`\ufeff${JSON.stringify(issuer.claims())}`),
)
refuses(
  'refuses random bytes',
  'malformed',
  () => `${b64(randomBytes(40))}.${b64(randomBytes(200))}.${b64(randomBytes(64))}`,
)
t.test('refuses what is not a string', async (t) => {
  for (const value of [undefined, null, 7, {}, Buffer.from('a.b.c')])
    t.equal((await refusal(value as unknown as string)).code, 'malformed')
})

t.test('refuses a token of which any one character was changed', async (t) => {
  const token = await issuer.token()
  for (let at = 0; at < token.length - 1; at += 7) {
    if (token[at] === '.') continue
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    const { status } = await refusal(changed)
    t.equal(status, 401)
  }
})

refuses(
  'refuses an empty signature',
  'bad_signature',
  async () => `${(await issuer.token()).replace(/[^.]+$/, '')}`,
)
refuses('refuses a signature that was cut', 'bad_signature', async () => (await issuer.token()).slice(0, -4))
// CVE-2022-21449: zeros verified as anybody's ECDSA signature.
refuses('refuses a signature of zeros', 'bad_signature', async () =>
  (await issuer.token()).replace(/[^.]+$/, b64(new Uint8Array(64))),
)
