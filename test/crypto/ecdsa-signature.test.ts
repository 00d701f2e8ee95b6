import { createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { verifySignature } from '../../src/crypto/assertion-keys.ts'
import { readClientKey } from '../../src/crypto/client-key.ts'
import { toConcatenated, toDer } from '../../src/crypto/ecdsa-signature.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Both begin with a zero byte, as one key in 65,536 has it. */
const SMALL = {
  x: 'AN6rRyhHyXFeQZVch9hwchsrtln2U1QjvpPVIYZcOeg',
  y: 'AHYFLxDovENe8NFFAFQGaZ8PlvSNAczhfspnQW2nplw',
}
const JWK = { kty: 'EC', crv: 'P-256', ...SMALL }

/** Numbers that one signature in 128, in 32,768 or in fewer has. */
const NUMBERS: readonly [name: string, bytes: string, der: string][] = [
  ['a small first byte', `7f${'11'.repeat(31)}`, `02 20 7f${'11'.repeat(31)}`],
  ['a high bit', `80${'11'.repeat(31)}`, `02 21 00 80${'11'.repeat(31)}`],
  ['a zero first', `00 7f${'11'.repeat(30)}`, `02 1f 7f${'11'.repeat(30)}`],
  ['a zero first and a high bit', `00 ff${'11'.repeat(30)}`, `02 20 00 ff${'11'.repeat(30)}`],
  ['two zeros first', `00 00 01${'11'.repeat(29)}`, `02 1e 01${'11'.repeat(29)}`],
  ['one byte that counts', `${'00'.repeat(31)} 05`, '02 01 05'],
  ['one byte with a high bit', `${'00'.repeat(31)} 85`, '02 02 00 85'],
]

for (const [nameOfR, r, derOfR] of NUMBERS)
  for (const [nameOfS, s, derOfS] of NUMBERS)
    t.test(`R with ${nameOfR} and S with ${nameOfS} are the same in DER and side by side`, async (t) => {
      const numbers = hex(derOfR + derOfS)
      const der = Buffer.concat([Buffer.of(0x30, numbers.length), numbers])
      t.same(toConcatenated(der), hex(r + s))
      t.same(toDer(hex(r + s)), der)
    })

t.test('numbers of P-384 have DER of their own length', async (t) => {
  const [r, s] = [`ff${'11'.repeat(47)}`, `${'00'.repeat(2)}${'22'.repeat(46)}`]
  t.same(toDer(hex(r + s)), hex(`30 63 02 31 00 ff${'11'.repeat(47)} 02 2e ${'22'.repeat(46)}`))
})

t.test('a signature of zeros is no signature, and no fault', async (t) => {
  const key = createPublicKey({ key: JWK, format: 'jwk' })
  t.equal(verifySignature('ES256', key, 'x', Buffer.alloc(64)), false)
})

const PEM = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAN6rRyhHyXFeQZVch9hwchsrtln2
U1QjvpPVIYZcOegAdgUvEOi8Q17w0UUAVAZpnw+W9I0BzOF+ymdBbaemXA==
-----END PUBLIC KEY-----
`

t.test('coordinates that begin with a zero keep their length (RFC 7518 section 6.2.1.2)', async (t) => {
  const now = new Date()
  const thumbprint = await calculateJwkThumbprint(JWK)
  const withoutZero = Buffer.from(SMALL.x, 'base64url').subarray(1).toString('base64url')
  for (const sent of [{ pem: PEM }, { jwk: JWK }, { jwk: { ...JWK, x: withoutZero } }])
    t.match(await readClientKey(sent, now), { jwk: JWK, thumbprint, kid: thumbprint })
})
