import t from 'tap'
import { createSteadyClock } from '../../src/operations/steady-clock.ts'

t.test('a steady clock jumps ahead with the wall clock, and never goes back with it', async (t) => {
  let [steady, wall] = [1000, 5_000_000]
  const now = createSteadyClock(
    () => new Date(wall),
    () => steady,
  )
  t.equal(now(), 1000)
  steady += 100
  wall += 103
  t.equal(now(), 1100, 'a correction is no jump')
  steady += 10
  wall += 60_000
  t.ok(now() >= 61_000, 'the machine was asleep')
  const before = now()
  wall -= 3_600_000
  t.equal(now(), before)
  steady += 50
  t.equal(now(), before + 50)
})
