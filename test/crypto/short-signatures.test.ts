import t from 'tap'
import { fits, importAssertionKey } from '../../src/crypto/assertion-keys.ts'
import { verifyPlatformToken } from '../../src/crypto/platform-keys.ts'
import { readKeySet } from '../../src/crypto/published-keys.ts'
import { importVerificationKey, verifyForeignJwt, verifyJwt } from '../../src/crypto/verifying.ts'

import { SHORT_KEY, SHORT_TOKEN, WHOLE_TOKEN } from '../support/short-signature.ts'

const key = await importVerificationKey(SHORT_KEY, 'PS256')
const isTaken = (verified: Promise<unknown>) =>
  verified.then(
    () => true,
    () => false,
  )

t.test('a signature without its leading zero is refused for an access token', async (t) => {
  const rules = { algorithm: 'PS256', type: 'at+jwt', issuer: 'https://as.example', now: new Date(15e11) }
  t.ok(await isTaken(verifyJwt(WHOLE_TOKEN, key, rules)))
  t.notOk(await isTaken(verifyJwt(SHORT_TOKEN, key, rules)))
})

t.test('a signature without its leading zero is refused for a token of another server', async (t) => {
  t.ok(await isTaken(verifyForeignJwt(WHOLE_TOKEN, key, 'PS256')))
  t.notOk(await isTaken(verifyForeignJwt(SHORT_TOKEN, key, 'PS256')))
})

const parts = (token: string) => {
  const at = token.lastIndexOf('.')
  return { input: token.slice(0, at), signature: Buffer.from(token.slice(at + 1), 'base64url') }
}

t.test('a signature without its leading zero is refused for a platform token', async (t) => {
  const { keys } = readKeySet({ keys: [SHORT_KEY] })
  const outcome = (token: string) =>
    verifyPlatformToken(keys, { algorithm: 'PS256', kid: 'a', ...parts(token) })
  t.equal(await outcome(WHOLE_TOKEN), 'right')
  t.equal(await outcome(SHORT_TOKEN), 'signature')
})

t.test('a signature without its leading zero is refused for a client assertion', async (t) => {
  const own = importAssertionKey(SHORT_KEY)
  t.ok(fits(own, 'PS256', parts(WHOLE_TOKEN).signature))
  t.notOk(fits(own, 'PS256', parts(SHORT_TOKEN).signature))
})
