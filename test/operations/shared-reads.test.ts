import { mock } from 'node:test'
import t from 'tap'
import { shareEqualReads, shareReads } from '../../src/operations/clients/shared-reads.ts'

t.test('every lookup, queued ones included, rejects at its time limit while no read answers', async (t) => {
  let isAway = true
  const reads = shareReads(
    async (keys: readonly number[]) => (isAway ? new Promise<number[]>(() => {}) : keys.map((key) => -key)),
    2,
  )
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let count = 0
  const loads = Array.from({ length: 20 }, (_, key) => reads.load(key).finally(() => count++))
  const all = Promise.allSettled(loads)
  await new Promise(setImmediate)
  mock.timers.tick(1199)
  await new Promise(setImmediate)
  t.equal(count, 0)
  mock.timers.tick(1)
  const settled = await all
  mock.timers.reset()
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

t.test('equal lookups share a place in a read that has not begun, and none in one that has', async (t) => {
  const underway: { keys: readonly { id: number }[]; answer: () => void }[] = []
  let answers = 0
  const reads = shareEqualReads(
    (keys: readonly { id: number }[]) =>
      new Promise<string[]>((resolve) => {
        const answer = () => resolve(keys.map(({ id }) => `${id} of read ${++answers}`))
        underway.push({ keys, answer })
      }),
    2,
    ({ id }) => String(id),
  )
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

  const first = [reads.load({ id: 1 }), reads.load({ id: 1 }), reads.load({ id: 2 })]
  const full = reads.load({ id: 3 })
  await turn()
  t.same(
    underway.map(({ keys }) => keys),
    [[{ id: 1 }, { id: 2 }], [{ id: 3 }]],
  )
  const later = [reads.load({ id: 1 }), reads.load({ id: 3 }), reads.load({ id: 1 })]
  await turn()
  t.equal(underway.length, 2, 'two reads at a time, as before')
  underway[0]?.answer()
  t.same(await Promise.all(first), ['1 of read 1', '1 of read 1', '2 of read 2'])
  await turn()
  t.same(underway[2]?.keys, [{ id: 1 }, { id: 3 }], 'a change in between is seen')
  underway[1]?.answer()
  t.equal(await full, '3 of read 3')
  underway[2]?.answer()
  t.same(await Promise.all(later), ['1 of read 4', '3 of read 5', '1 of read 4'])
})

t.test('a read that fails refuses equal lookups, and not those that come later', async (t) => {
  let isAway = true
  const reads = shareEqualReads(
    async (keys: readonly number[]) => {
      if (isAway) throw new Error('away')
      return keys.map((key) => -key)
    },
    10,
    String,
  )
  for (const one of await Promise.allSettled([reads.load(1), reads.load(1)]))
    t.match(one, { status: 'rejected', reason: { message: 'away' } })
  isAway = false
  t.same(await Promise.all([reads.load(1), reads.load(1)]), [-1, -1])
})

t.test(
  'a commit for many is followed by a pause as long as it took, one for a single key by none',
  async (t) => {
    const underway: { size: number; answer: () => void }[] = []
    const writes = shareReads(
      (keys: readonly number[]) =>
        new Promise<number[]>((resolve) => {
          underway.push({ size: keys.length, answer: () => resolve(keys.map((key) => -key)) })
        }),
      10,
      { maxReads: 1, areCommits: true },
    )
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const sizes = () => underway.map(({ size }) => size)
    let now = 0
    t.intercept(performance, 'now', { value: () => now })
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const first = writes.load(1)
    await turn()
    now += 7
    underway[0]?.answer()
    t.equal(await first, -1)
    const next = [writes.load(2), writes.load(3)]
    await turn()
    t.same(sizes(), [1, 2], 'no pause after a single one')
    now += 7
    underway[1]?.answer()
    t.same(await Promise.all(next), [-2, -3], 'no answer waits for the pause')
    const last = [writes.load(4)]
    await turn()
    last.push(writes.load(5))
    mock.timers.tick(6)
    await turn()
    t.same(sizes(), [1, 2])
    mock.timers.tick(1)
    await turn()
    t.same(sizes(), [1, 2, 2], 'who came meanwhile shares the next one')
    underway[2]?.answer()
    t.same(await Promise.all(last), [-4, -5])

    const many = Array.from({ length: 25 }, (_, key) => writes.load(key))
    await turn()
    t.same(sizes().slice(3), [10, 10], 'full ones wait for no pause')
    now += 60_000
    for (const { answer } of underway) answer()
    await turn()
    mock.timers.tick(20)
    await turn()
    t.same(sizes().slice(5), [5], 'and none lasts longer than 20 ms')
    underway[5]?.answer()
    t.equal((await Promise.all(many)).length, 25)
  },
)

t.test(
  'a lookup whose limit passes in the pause after a commit rejects, and no read begins for it',
  async (t) => {
    const underway: number[] = []
    const writes = shareReads(
      (keys: readonly number[]) => {
        underway.push(keys.length)
        return new Promise<number[]>(() => {})
      },
      10,
      { maxReads: 1, areCommits: true },
    )
    let now = 0
    t.intercept(performance, 'now', { value: () => now })
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const pass = async (milliseconds: number) => {
      now += milliseconds
      mock.timers.tick(milliseconds)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
    const first = Promise.allSettled([writes.load(1), writes.load(2)])
    await pass(5)
    const second = Promise.allSettled([writes.load(3), writes.load(4)])
    await pass(1195)
    for (const one of await first) t.match(one, { status: 'rejected', reason: { message: /^timeout/ } })
    await pass(5)
    for (const one of await second) t.match(one, { status: 'rejected', reason: { message: /^timeout/ } })
    await pass(20)
    t.same(underway, [2])
    void writes.load(5).catch(() => {})
    await pass(0)
    t.same(underway, [2, 1], 'later ones are read')
  },
)

t.test(
  'a shared lookup whose limit passes before its read begins rejects alone: the next one is read',
  async (t) => {
    const reads = shareEqualReads(async (keys: readonly number[]) => keys.map((key) => -key), 10, String)
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const late = Promise.allSettled([reads.load(1), reads.load(1)])
    // DataLoader gathers at the end of the turn; the read would begin in the next one.
    await Promise.resolve()
    await new Promise(process.nextTick)
    mock.timers.tick(1200)
    for (const one of await late) t.match(one, { status: 'rejected', reason: { message: /^timeout/ } })
    t.equal(await reads.load(1), -1)
  },
)
