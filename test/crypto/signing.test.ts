import { type CryptoKey, importJWK, type JWK, jwtVerify } from 'jose'
import t from 'tap'
import { generateSigningKey, importSigner, signJwt } from '../../src/crypto/signing.ts'
import { ALGORITHMS } from '../../src/domain/realm.ts'

for (const algorithm of ALGORITHMS) {
  t.test(`what ${algorithm} signs, another implementation verifies with the published key`, async (t) => {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(algorithm)
    const signer = await importSigner(kid, algorithm, privateJwk)
    const claims = { sub: 'sensor ✓', aud: ['a', 'b'], jti: '1' }

    const token = await signJwt(JSON.stringify(claims), 'at+jwt', signer)

    const key = await importJWK(publicJwk as JWK, algorithm)
    const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: [algorithm] })
    t.strictSame(payload, claims)
    t.strictSame(protectedHeader, { alg: algorithm, kid, typ: 'at+jwt' })
  })
}

t.test('each ES256 signature is 64 bytes and right', async (t) => {
  const { kid, publicJwk, privateJwk } = await generateSigningKey('ES256')
  const { sign } = await importSigner(kid, 'ES256', privateJwk)
  const key = (await importJWK(publicJwk as JWK, 'ES256')) as CryptoKey
  for (let i = 0; i < 100; i++) {
    const input = Buffer.from(`input ${i}`)
    const signature = Buffer.from((await sign(input)) as Uint8Array)
    const valid = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, input)
    if (signature.length !== 64 || !valid) t.fail(`signature ${i}: ${signature.toString('hex')}`)
  }
})
