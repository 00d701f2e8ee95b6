import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { readClientKey } from '../../src/crypto/client-key.ts'

const NOW = new Date('2026-11-28T00:00:00Z')

/** Made by `openssl req -x509`, valid until 2126. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUIxg/g1nWkCvIXhedLwpUmoIE1VAwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgwNzMzMDVaGA8yMTI2MTEwNDA3MzMw
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOsh
GLa/FQj7jengpdrDB36bwpzX7lAHPsxjp7E1lUCuW+X8g+pultG8A8lTQTtBoxho
wiTn1ky75AqHubDn+oajUzBRMB0GA1UdDgQWBBSrGzkkvIpPNLYC3KQmiDh0Rbni
WzAfBgNVHSMEGDAWgBSrGzkkvIpPNLYC3KQmiDh0RbniWzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQD5ekEG26j3Q+OSDbHkmrUgQpGVs2HI+5QK
MT9y5imO4QIhANSyiKCsLnMTQnGJQXEqVu/VWaG8U9D7pyb/3hPfkngq
-----END CERTIFICATE-----
`

const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBAzCBqgIBATAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANvbGQwHhcNMjAwMTAx
MDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAATrIRi2vxUI+43p4KXawwd+m8Kc1+5QBz7MY6exNZVA
rlvl/IPqbpbRvAPJU0E7QaMYaMIk59ZMu+QKh7mw5/qGMAoGCCqGSM49BAMCA0gA
MEUCIQCQnPVZo42xpNstPVK85HH4regp1iFMmiMycZaU7FgrgwIgMgHswx79mHCz
r/O1pYxBbaK2Kh/6GIdA+4dutaIEExE=
-----END CERTIFICATE-----
`

function pair(type: 'rsa' | 'rsa-pss', bits: number, exponent?: number): KeyObject
function pair(type: 'ec', curve: string): KeyObject
function pair(type: 'ed25519' | 'ed448' | 'x25519' | 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87'): KeyObject
function pair(type: string, detail?: number | string, publicExponent?: number): KeyObject {
  const options = {
    ...(typeof detail === 'number' && { modulusLength: detail }),
    ...(publicExponent !== undefined && { publicExponent }),
    ...(typeof detail === 'string' && { namedCurve: detail }),
  }
  return (generateKeyPairSync as (type: string, options: object) => { publicKey: KeyObject })(type, options)
    .publicKey
}

const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const jwkOf = (key: KeyObject) => ({ ...key.export({ format: 'jwk' }) }) as Record<string, unknown>

t.test('each kind of key is read, and the same in each form', async (t) => {
  const rows: [KeyObject, string][] = [
    [pair('rsa', 2048), 'RS256'],
    [pair('rsa', 2048, 3), 'RS256'],
    [pair('ec', 'P-256'), 'ES256'],
    [pair('ec', 'P-384'), 'ES384'],
    [pair('ed25519'), 'EdDSA'],
    [pair('ml-dsa-44'), 'ML-DSA-44'],
    [pair('ml-dsa-65'), 'ML-DSA-65'],
    [pair('ml-dsa-87'), 'ML-DSA-87'],
  ]
  for (const [key, algorithm] of rows) {
    const jwk = jwkOf(key)
    const read = await readClientKey(
      { jwk: { ...jwk, use: 'sig', key_ops: ['verify'], ext: true, x5c: ['x'] } },
      NOW,
    )
    t.same(read.jwk, jwk, 'nothing but what makes the key')
    t.equal(read.algorithm, algorithm)
    t.equal(read.kid, read.thumbprint)
    t.match(read.thumbprint, /^[\w-]{43}$/)
    t.same(await readClientKey({ pem: `\n${pemOf(key)}\n` }, NOW), read)
  }
})

t.test('a thumbprint is that of RFC 7638', async (t) => {
  const { crv, kty, x, y } = jwkOf(pair('ec', 'P-256'))
  const { thumbprint } = await readClientKey({ jwk: { y, x, kty, crv, kid: 'mine' } }, NOW)
  t.equal(thumbprint, createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url'))
})

t.test('a JWK keeps its own kid and alg', async (t) => {
  const jwk = { ...jwkOf(pair('rsa', 2048)), kid: 'https://client.example/keys/1', alg: 'PS256' }
  const read = await readClientKey({ jwk }, NOW)
  t.match(read, { kid: jwk.kid, algorithm: 'PS256', jwk: { alg: 'PS256' } })
  t.notOk('kid' in read.jwk)
})

t.test('of a certificate the key is taken, unless it has expired', async (t) => {
  const read = await readClientKey({ certificate: `subject=CN = test\n${CERTIFICATE}` }, NOW)
  t.match(read, { algorithm: 'ES256', jwk: { kty: 'EC' } })
  await t.rejects(readClientKey({ certificate: EXPIRED }, NOW), {
    code: 'invalid',
    field: 'certificate',
    message: /expired/,
  })
})

t.test('a key that is not public or not usable is refused, and the member named', async (t) => {
  const ec = pair('ec', 'P-256')
  const jwk = jwkOf(ec)
  const rsa = jwkOf(pair('rsa', 2048))
  const privateDer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'der',
  })
  const rows: [Parameters<typeof readClientKey>[0], string][] = [
    [{}, 'jwk'],
    [{ jwk, pem: pemOf(ec) }, 'pem'],
    [{ pem: pemOf(ec), certificate: CERTIFICATE }, 'certificate'],
    [{ jwk: {} }, 'jwk.kty'],
    [{ jwk: { kty: 'oct', k: 'c2VjcmV0' } }, 'jwk.kty'],
    [{ jwk: { kty: 'constructor' } }, 'jwk.kty'],
    [{ jwk: { kty: 'EC', crv: 'P-256', x: jwk['x'] } }, 'jwk.y'],
    [{ jwk: { ...jwk, x: 1 } }, 'jwk.x'],
    [{ jwk: { ...jwk, y: jwk['x'] } }, 'jwk'],
    [{ jwk: { ...jwk, alg: 'HS256' } }, 'jwk'],
    [{ jwk: { ...jwk, alg: 'none' } }, 'jwk'],
    [{ jwk: { ...jwk, alg: 'RS256' } }, 'jwk'],
    [{ jwk: { ...jwk, alg: 1 } }, 'jwk.alg'],
    [{ jwk: { ...jwk, use: 'enc' } }, 'jwk.use'],
    [{ jwk: { ...jwk, key_ops: ['encrypt'] } }, 'jwk.key_ops'],
    [{ jwk: { ...jwk, kid: 'a b' } }, 'jwk.kid'],
    [{ jwk: { ...rsa, e: 'AQ' } }, 'jwk'],
    [{ jwk: { ...rsa, e: 'AAI' } }, 'jwk'],
    [{ jwk: { ...rsa, e: rsa['n'] } }, 'jwk'],
    [{ jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } }, 'jwk'],
    [{ jwk: { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' } }, 'jwk'],
    [{ pem: pemOf(pair('rsa', 1024)) }, 'pem'],
    [{ pem: pemOf(pair('rsa-pss', 2048)) }, 'pem'],
    [{ pem: pemOf(pair('ec', 'P-521')) }, 'pem'],
    [{ pem: pemOf(pair('ec', 'secp256k1')) }, 'pem'],
    [{ pem: pemOf(pair('ed448')) }, 'pem'],
    [{ pem: pemOf(pair('x25519')) }, 'pem'],
    [{ pem: pemOf(ec) + pemOf(ec) }, 'pem'],
    [{ pem: CERTIFICATE }, 'pem'],
    [{ pem: 'ssh-ed25519 AAAA' }, 'pem'],
    [{ pem: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' }, 'pem'],
    [
      { pem: `-----BEGIN PUBLIC KEY-----\n${privateDer.toString('base64')}\n-----END PUBLIC KEY-----` },
      'pem',
    ],
    [{ certificate: pemOf(ec) }, 'certificate'],
    [{ certificate: CERTIFICATE + CERTIFICATE }, 'certificate'],
    [{ certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, 'certificate'],
  ]
  for (const [sent, field] of rows)
    await t.rejects(
      readClientKey(sent, NOW),
      { name: 'Refusal', code: 'invalid', field },
      JSON.stringify(sent).slice(0, 100),
    )
})
