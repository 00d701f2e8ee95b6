import t from 'tap'
import { createFairQueue, QueueOverload } from '../../src/crypto/fair-queue.ts'

/** A queue whose first job holds all others back until `open` is called; and the order in which they are done. */
function heldQueue(options: { maxWaiting: number; maxWaitingOfOwner: number }) {
  const queue = createFairQueue({ concurrency: 1, ...options })
  const { promise, resolve: open } = Promise.withResolvers<void>()
  const done: string[] = []
  void queue.push({ owner: 'first', run: () => promise })
  const push = (owner: string, urgent = false) =>
    queue.push({ owner, urgent, run: async () => void done.push(owner) })
  return { queue, push, open, done }
}

t.test('owners take turns, however many jobs one of them has', async (t) => {
  const { push, open, done } = heldQueue({ maxWaiting: 100, maxWaitingOfOwner: 100 })
  const jobs = [...Array.from({ length: 50 }, () => push('many')), push('few'), push('few')]
  open()
  await Promise.all(jobs)
  t.same(done.slice(0, 5), ['many', 'few', 'many', 'few', 'many'])
})

t.test('urgent jobs come first', async (t) => {
  const { push, open, done } = heldQueue({ maxWaiting: 100, maxWaitingOfOwner: 100 })
  const jobs = [push('a'), push('b'), push('c', true)]
  open()
  await Promise.all(jobs)
  t.same(done, ['c', 'a', 'b'])
})

t.test('an owner with too many jobs is refused', async (t) => {
  const { queue, push, open } = heldQueue({ maxWaiting: 100, maxWaitingOfOwner: 3 })
  const jobs = Array.from({ length: 5 }, () => push('many'))
  t.equal(queue.waiting(), 3)
  open()
  const settled = await Promise.allSettled(jobs)
  t.same(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  )
  t.equal(queue.waiting(), 0)
})

t.test('a full queue drops a job of the largest owner for one with fewer', async (t) => {
  const { queue, push, open } = heldQueue({ maxWaiting: 4, maxWaitingOfOwner: 4 })
  const many = Array.from({ length: 4 }, () => push('many'))
  const few = push('few')
  await t.rejects(many[3] as Promise<void>, QueueOverload)
  await t.rejects(push('many'), QueueOverload)
  t.equal(queue.waiting(), 4)
  open()
  await Promise.all([few, ...many.slice(0, 3)])
})

t.test('a job that fails frees its place', async (t) => {
  const queue = createFairQueue({ concurrency: 1, maxWaiting: 1, maxWaitingOfOwner: 1 })
  await t.rejects(queue.push({ owner: 'a', run: () => Promise.reject(new Error('no')) }), /no/)
  t.equal(await queue.push({ owner: 'a', run: async () => 1 }), 1)
})
