import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { withoutTraces } from '../../src/crypto/without-traces.ts'

t.test('errors after a call without traces have theirs again, also where the call failed', async (t) => {
  const before = Error.stackTraceLimit
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const key = withoutTraces(() => createPrivateKey({ key: jwk, format: 'jwk' }))
  t.same(key.export({ format: 'jwk' }), jwk)
  t.throws(() => withoutTraces(() => createPrivateKey({ key: { ...jwk, x: String(jwk.y) }, format: 'jwk' })))
  t.equal(Error.stackTraceLimit, before)
  t.match(new Error('later').stack, /without-traces\.test/)
})
