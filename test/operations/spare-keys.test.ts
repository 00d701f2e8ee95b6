import t from 'tap'
import { withSpareKeys } from '../../src/operations/realms/spare-keys.ts'

t.test('a key that a transaction needs is made outside of it, and the transaction run again', async (t) => {
  let attempts = 0
  const kids = await withSpareKeys(async (spares) => {
    attempts++
    const unused = spares()
    const algorithms = ['RS256', 'ES256', 'ES256'] as const
    return algorithms.map((algorithm) => unused.take(algorithm).kid)
  })
  t.equal(attempts, 4)
  t.equal(new Set(kids).size, 3, 'no key is used twice')
})

t.test('work that fails for another reason is not run again', async (t) => {
  let attempts = 0
  await t.rejects(
    withSpareKeys(async () => {
      attempts++
      throw new Error('a fault')
    }),
    { message: 'a fault' },
  )
  t.equal(attempts, 1)
})
