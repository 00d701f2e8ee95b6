import t from 'tap'
import {
  algorithmsOf,
  findPrivateMember,
  isKeyValid,
  parseAuthMethods,
  parseKid,
} from '../../src/domain/client-key.ts'

t.test('a key signs with what fits it, or with the alg that its JWK names alone', async (t) => {
  const rows: [Record<string, string>, string[]][] = [
    [{ kty: 'RSA' }, ['RS256', 'PS256']],
    [{ kty: 'RSA', alg: 'PS256' }, ['PS256']],
    [{ kty: 'RSA', alg: 'RS512' }, []],
    [{ kty: 'RSA', alg: 'ES256' }, []],
    [{ kty: 'EC', crv: 'P-256' }, ['ES256']],
    [{ kty: 'EC', crv: 'P-384' }, ['ES384']],
    [{ kty: 'EC', crv: 'P-256', alg: 'ES384' }, []],
    [{ kty: 'EC', crv: 'P-521' }, []],
    [{ kty: 'EC', crv: 'secp256k1' }, []],
    [{ kty: 'OKP', crv: 'Ed25519' }, ['EdDSA', 'Ed25519']],
    [{ kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519' }, ['Ed25519']],
    [{ kty: 'OKP', crv: 'Ed448' }, []],
    [{ kty: 'OKP', crv: 'X25519' }, []],
    [{ kty: 'AKP', alg: 'ML-DSA-65' }, ['ML-DSA-65']],
    [{ kty: 'AKP', alg: 'SLH-DSA-SHA2-128s' }, []],
    [{ kty: 'oct' }, []],
    [{ kty: 'oct', alg: 'HS256' }, []],
    [{ kty: 'constructor', crv: 'x' }, []],
  ]
  for (const [jwk, algorithms] of rows) t.same(algorithmsOf(jwk), algorithms, JSON.stringify(jwk))
})

t.test('a key ends at the moment that it says', async (t) => {
  const now = new Date(1_000_000)
  t.ok(isKeyValid({ expiresAt: undefined }, now))
  t.ok(isKeyValid({ expiresAt: new Date(1_000_001) }, now))
  t.notOk(isKeyValid({ expiresAt: now }, now))
})

t.test('authentication methods are one or more different known ones, kept in one order', async (t) => {
  t.same(parseAuthMethods(['private_key_jwt', 'client_secret'], 'auth_methods'), [
    'client_secret',
    'private_key_jwt',
  ])
  for (const methods of [[], ['none'], ['client_secret', 'client_secret'], ['client_secret', 'x']])
    t.throws(() => parseAuthMethods(methods, 'auth_methods'), { code: 'invalid', field: 'auth_methods' })
})

t.test('a kid can be part of an address', async (t) => {
  for (const kid of ['a', 'https://example.com/keys/1', 'x'.repeat(128), '...']) t.equal(parseKid(kid), kid)
  for (const kid of ['', '.', '..', 'a b', 'x'.repeat(129), 'é', 'a\u0000', 1, null, {}])
    t.throws(() => parseKid(kid), { code: 'invalid', field: 'jwk.kid' }, JSON.stringify(kid))
})

t.test('a private key is found wherever it is', async (t) => {
  const rows: [unknown, string | undefined][] = [
    [{ jwk: { kty: 'EC', d: 'x' } }, 'jwk.d'],
    [{ jwk: { kty: 'RSA', dp: 1 } }, 'jwk.dp'],
    [{ jwk: { kty: 'oct', k: 'x' } }, 'jwk.k'],
    [{ jwk: { kty: 'AKP', priv: null } }, 'jwk.priv'],
    [{ jwk: { keys: [{}, { d: 'x' }] } }, 'jwk.keys.1.d'],
    [{ pem: '-----BEGIN EC PRIVATE KEY-----\nx' }, 'pem'],
    [{ certificate: 'Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY-----' }, 'certificate'],
    [{ name: 'BEGIN RSA PRIVATE KEY' }, 'name'],
    [{ pem: '{"kty":"EC", "d" : "x"}' }, 'pem'],
    [{ pem: { '-----BEGIN': { d: 1 } } }, 'pem.?.d'],
    [JSON.parse(`${'{"a":'.repeat(25)}{"d":1}${'}'.repeat(25)}`), Array(20).fill('a').join('.')],
    [{ jwk: { kty: 'EC', crv: 'P-256', x: 'd', y: 'k' }, name: 'private key of the CI' }, undefined],
    [undefined, undefined],
  ]
  for (const [body, at] of rows) t.equal(findPrivateMember(body), at)
})
