import { importJWK, type JWK, jwtVerify } from 'jose'
import t from 'tap'
import { generateSigningKey, importSigner, signJwt } from '../../src/crypto/signing.ts'
import { ALGORITHMS } from '../../src/domain/realm.ts'

for (const algorithm of ALGORITHMS) {
  t.test(`what ${algorithm} signs, another implementation verifies with the published key`, async (t) => {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(algorithm)
    const signer = await importSigner(kid, algorithm, privateJwk)
    const claims = { sub: 'sensor ✓', aud: ['a', 'b'], jti: '1' }

    const token = await signJwt(claims, 'at+jwt', signer)

    const key = await importJWK(publicJwk as JWK, algorithm)
    const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: [algorithm] })
    t.strictSame(payload, claims)
    t.strictSame(protectedHeader, { alg: algorithm, kid, typ: 'at+jwt' })
  })
}
