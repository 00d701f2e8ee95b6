import t from 'tap'
import {
  fits,
  importAssertionKey,
  isSignatureLength,
  standInKey,
  usedAssertionHash,
  verifySignature,
} from '../../src/crypto/assertion-keys.ts'
import { parseClientAssertion } from '../../src/domain/client-assertion.ts'
import { algorithmsOf, KEY_ALGORITHMS, type KeyAlgorithm } from '../../src/domain/client-key.ts'
import { keyPair, publicJwk, signAssertion } from '../support/assertion.ts'

const SIZES: readonly (readonly [KeyAlgorithm, number | undefined])[] = [
  ...KEY_ALGORITHMS.map((algorithm) => [algorithm, undefined] as const),
  ['RS256', 3072],
  ['PS256', 2056],
  ['RS256', 5120],
]

for (const [algorithm, bits] of SIZES)
  t.test(
    `${algorithm}${bits ? ` of ${bits} bits` : ''} verifies what its key signed and nothing else`,
    async (t) => {
      const pair = keyPair(algorithm, bits)
      const key = importAssertionKey(publicJwk(pair))
      t.ok(key.algorithms.includes(algorithm))
      // Again and again: in one of 128 an integer of an elliptic signature is shorter than the others.
      const rounds = algorithm === 'ES256' ? 600 : 3
      for (let round = 0; round < rounds; round++) {
        const assertion = parseClientAssertion(signAssertion(pair, { alg: algorithm }, { round }))
        if (typeof assertion === 'string') throw new Error(assertion)
        const { input, signature } = assertion
        if (!isSignatureLength(algorithm, signature.length) || !fits(key, algorithm, signature))
          t.fail('does not fit')
        if (!(await verifySignature(algorithm, key.key, input, signature))) t.fail('a right signature')
        if (round > 2) continue
        t.notOk(await verifySignature(algorithm, key.key, `${input}x`, signature), 'another text')
        const standIn = standInKey(algorithm, signature.length)
        t.notOk(await verifySignature(algorithm, standIn, input, signature), 'the stand-in')
        const zeros = Buffer.alloc(signature.length)
        t.notOk(await verifySignature(algorithm, key.key, input, zeros), 'zeros')
        const ones = Buffer.alloc(signature.length, 0xff)
        t.notOk(await verifySignature(algorithm, key.key, input, ones), 'ones')
      }
      t.pass(`${rounds} signatures`)
    },
  )

t.test('a signature is as long as its algorithm makes it', async (t) => {
  for (const [algorithm, right, wrong] of [
    ['ES256', 64, 63],
    ['ES384', 96, 64],
    ['EdDSA', 64, 96],
    ['RS256', 256, 255],
    ['PS256', 1024, 1025],
    ['ML-DSA-44', 2420, 2421],
  ] as const) {
    t.ok(isSignatureLength(algorithm, right), `${algorithm} ${right}`)
    t.notOk(isSignatureLength(algorithm, wrong), `${algorithm} ${wrong}`)
  }
})

t.test(
  'an RSA key fits signatures below its modulus alone, as OpenSSL refuses others in no time',
  async (t) => {
    const key = importAssertionKey(publicJwk(keyPair('RS256')))
    t.ok(fits(key, 'RS256', Buffer.alloc(256, 1)))
    t.notOk(fits(key, 'RS256', Buffer.alloc(256, 0xff)))
    t.notOk(fits(key, 'RS256', Buffer.alloc(257, 1)))
    t.notOk(fits(key, 'ES256', Buffer.alloc(64, 1)))
  },
)

t.test('a JWK that names its algorithm is for no other', async (t) => {
  const jwk = publicJwk(keyPair('RS256'))
  t.same(algorithmsOf(jwk), ['RS256', 'PS256'])
  t.same(algorithmsOf({ ...jwk, alg: 'PS256' }), ['PS256'])
  t.same(algorithmsOf({ ...jwk, alg: 'RS512' }), [])
})

t.test('uses of different realms, clients or ids have different hashes', async (t) => {
  const uses = [
    ['1', 'a', 'b'],
    ['11', 'a', 'b'],
    ['1', 'ab', ''],
    ['1', '', 'ab'],
    ['1', 'a1:', 'b'],
    ['1', 'a', '1:b'],
    ['1', 'b', 'a'],
  ] as const
  const hashes = new Set(uses.map((use) => usedAssertionHash(use[0], use[1], use[2]).toString('hex')))
  t.equal(hashes.size, uses.length)
})
