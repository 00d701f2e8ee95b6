import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import t from 'tap'
import { keysFor, verifyPlatformToken } from '../../src/crypto/platform-keys.ts'
import { readKeySet } from '../../src/crypto/published-keys.ts'
import { PLATFORM_ALGORITHMS, type PlatformAlgorithm } from '../../src/domain/platform-algorithm.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PAIRS: Readonly<Record<string, { publicKey: KeyObject; privateKey: KeyObject }>> = {
  RS: rsa,
  PS: rsa,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  Ed: generateKeyPairSync('ed25519'),
  'ML-DSA-44': generateKeyPairSync('ml-dsa-44'),
  'ML-DSA-65': generateKeyPairSync('ml-dsa-65'),
  'ML-DSA-87': generateKeyPairSync('ml-dsa-87'),
}

function pairOf(algorithm: PlatformAlgorithm) {
  return (PAIRS[algorithm] ?? PAIRS[algorithm.slice(0, 2)]) as (typeof PAIRS)[string]
}

function signed(algorithm: PlatformAlgorithm, input: string): Buffer {
  const { privateKey: key } = pairOf(algorithm)
  const hash = /^[RPE]S/.test(algorithm) ? `sha${algorithm.slice(2)}` : null
  const how = algorithm.startsWith('PS')
    ? { key, padding: 6, saltLength: -1 }
    : { key, dsaEncoding: 'ieee-p1363' as const }
  return sign(hash, Buffer.from(input), how)
}

for (const algorithm of PLATFORM_ALGORITHMS)
  t.test(`a signature by ${algorithm} is verified with its own key, whole and unchanged`, async (t) => {
    const jwk = pairOf(algorithm).publicKey.export({ format: 'jwk' })
    const { keys, notes } = readKeySet({ keys: [{ ...jwk, kid: 'a' }] })
    t.same(notes, [])
    const input = 'head.claims'
    const signature = signed(algorithm, input)
    const outcome = (more: object, among = keys) =>
      verifyPlatformToken(among, { algorithm, kid: 'a', input, signature, ...more })
    t.equal(await outcome({}), 'right')
    t.equal(await outcome({ kid: undefined }), 'right')
    t.equal(await outcome({ input: 'head.other' }), 'signature')
    t.equal(await outcome({ kid: 'b' }), 'key_unknown')
    const changed = Buffer.from(signature)
    changed[9] = (changed[9] as number) ^ 1
    for (const wrong of [changed, signature.subarray(1), Buffer.alloc(1), Buffer.alloc(8000)])
      t.equal(await outcome({ signature: wrong }), 'signature', `${wrong.length}`)
    const other = algorithm === 'ES256' ? 'ES384' : 'ES256'
    t.equal(await outcome({ algorithm: other }), 'key_algorithm')
  })

t.test('a key that is for something else is left out with a note, and never quoted', async (t) => {
  const good = PAIRS['ES256']?.publicKey.export({ format: 'jwk' })
  const strange: unknown[] = [
    { ...good, use: 'enc' },
    { ...good, use: 'x509-svid' },
    { ...good, key_ops: ['encrypt'] },
    { ...good, alg: 'HS256' },
    { ...good, alg: 1 },
    { ...good, kid: 7 },
    { ...good, kid: '' },
    { kty: 'oct', k: 'AAAA' },
    { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' },
    { kty: 'EC', crv: 'P-256', x: 'secret-text', y: 'AA' },
    { kty: 'RSA', n: 'AQAB', e: 'AQAB' },
    { kty: 'RSA', n: Buffer.alloc(256, 255).toString('base64url'), e: 'AQ' },
    { kty: 'RSA', n: {}, e: [] },
    { kty: 'toString' },
    { kty: '__proto__' },
    null,
    'key',
    [],
  ]
  const { keys, notes } = readKeySet({
    keys: [...strange, { ...good, use: 'jwt-svid', kid: 'right', d: 'private' }],
  })
  t.equal(notes.length, strange.length)
  t.notMatch(notes.join(), /secret-text/)
  t.equal(keys.length, 1)
  t.notOk('d' in (keys[0]?.jwk ?? {}))
  t.equal(keysFor(keys, 'right').length, 1)
})

t.test('a document that is no key set, or has 101 keys, is refused', async (t) => {
  for (const set of [null, 'a', [], {}, { keys: {} }, { keys: 'a' }])
    t.throws(() => readKeySet(set), { name: 'KeySetError' })
  t.throws(() => readKeySet({ keys: new Array(101).fill({}) }), { message: /101 keys/ })
})
