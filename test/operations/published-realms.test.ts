import t from 'tap'
import { TESTER, testServer } from '../support/server.ts'

t.test('a document says what was true when it was asked for, however many ask at once', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', {})
  await operations.publishedRealms.find('acme')
  let asking = true
  // Keeps reads under way all the time, and others waiting for the next one.
  const load = Array.from({ length: 20 }, async () => {
    while (asking) {
      await operations.publishedRealms.find('acme')
      await new Promise(setImmediate)
    }
  })

  for (let i = 0; i < 30; i++) {
    await operations.realms.update(TESTER, 'acme', { displayName: `version ${i}`, scopes: ['view', `s${i}`] })
    const { realm } = await operations.publishedRealms.find('acme')
    t.equal(realm.scopes[1], `s${i}`)
  }
  asking = false
  await Promise.all(load)
})

t.test(
  'those who ask at once share a look, and a realm that is not there is none for all of them',
  async (t) => {
    const { operations } = await testServer(t)
    await operations.realms.create(TESTER, 'acme', {})
    await operations.publishedRealms.find('acme')
    const all = await Promise.all(Array.from({ length: 50 }, () => operations.publishedRealms.find('acme')))
    t.equal(new Set(all).size, 1)

    await operations.realms.delete(TESTER, 'acme')
    const gone = await Promise.allSettled(
      Array.from({ length: 50 }, () => operations.publishedRealms.find('acme')),
    )
    for (const { status } of gone) t.equal(status, 'rejected')
  },
)
