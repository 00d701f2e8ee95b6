import t from 'tap'
import { shareReads } from '../../src/operations/clients/shared-reads.ts'

t.test('every lookup, queued ones included, rejects at its time limit while no read answers', async (t) => {
  let isAway = true
  const reads = shareReads(
    async (keys: readonly number[]) => (isAway ? new Promise<number[]>(() => {}) : keys.map((key) => -key)),
    2,
  )
  const start = performance.now()
  const settled = await Promise.allSettled(Array.from({ length: 20 }, (_, key) => reads.load(key)))
  const milliseconds = performance.now() - start
  t.ok(milliseconds > 1100 && milliseconds < 2000, `${milliseconds} ms`)
  for (const one of settled) t.match(one, { status: 'rejected', reason: { message: /^timeout/ } })

  isAway = false
  t.same(await Promise.all([1, 2, 3, 4, 5].map((key) => reads.load(key))), [-1, -2, -3, -4, -5])
})

t.test('reads grow first, and become more where they are full', async (t) => {
  const underway: { size: number; answer: () => void }[] = []
  const reads = shareReads(
    (keys: readonly number[]) =>
      new Promise<number[]>((resolve) => {
        underway.push({ size: keys.length, answer: () => resolve(keys.map((key) => -key)) })
      }),
    10,
  )
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  const sizes = () => underway.map(({ size }) => size)
  const asked: Promise<number>[] = []
  const ask = async (many: number) => {
    for (let i = 0; i < many; i++) asked.push(reads.load(asked.length))
    await turn()
  }

  for (let i = 0; i < 5; i++) await ask(1)
  t.same(sizes(), [1, 1], 'two at once while few ask')
  await ask(50)
  t.same(sizes(), [1, 1, 10, 10, 10], 'five at once when many do')
  underway[0]?.answer()
  await turn()
  t.same(sizes().slice(5), [10], 'and the next one when one is answered')
  for (let i = 1; i < 20; i++) {
    underway[i]?.answer()
    await turn()
  }
  t.same(
    await Promise.all(asked),
    asked.map((_, key) => -key),
  )
  t.same(sizes().slice(6), [10, 3])
})
