import { importJWK } from 'jose'
import t from 'tap'
import type { KeySet } from '../../packages/verifier/src/key-set.ts'
import { checkSignature } from '../../packages/verifier/src/signed-jwt.ts'
import { SHORT_KEY, SHORT_TOKEN, WHOLE_TOKEN } from '../support/short-signature.ts'

t.test('a signature without its leading zero is refused', async (t) => {
  const key = await importJWK(SHORT_KEY, 'PS256')
  const keys = { find: async () => key } as unknown as KeySet
  const check = (text: string) => checkSignature({ text, alg: 'PS256', kid: 'a', claims: {} }, keys)
  t.equal(await check(WHOLE_TOKEN), key)
  await t.rejects(check(SHORT_TOKEN), { code: 'bad_signature' })
})
