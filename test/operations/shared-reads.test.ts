import t from 'tap'
import { shareReads } from '../../src/operations/shared-reads.ts'

t.test('whoever asks while nothing is answered hears of it in time, those behind others too', async (t) => {
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
