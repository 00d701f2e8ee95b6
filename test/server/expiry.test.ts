import { mock } from 'node:test'
import { pino } from 'pino'
import t from 'tap'
import { startExpiry } from '../../src/server/jobs/expiry.ts'

const portal = { deleteEndedSessions: async () => false }
const audit = { keepPartitions: async () => {} }
const trustEndings = { finishOthers: async () => false }

const pass = async (milliseconds: number) => {
  mock.timers.tick(milliseconds)
  await new Promise(setImmediate)
}

t.test('deleting goes on while there is more, after a failure too, and stops when told', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const outcomes = [async () => true, async () => false, () => Promise.reject(new Error('away'))]
  let runs = 0
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(line) })
  const deleteExpired = () => (outcomes[runs++] as () => Promise<boolean>)()
  const expiry = startExpiry(
    { expiry: { deleteExpired }, audit, portal, trustEndings, health: { measureClockSkew: async () => 0 } },
    logger,
  )
  await pass(1000)
  t.equal(runs, 1)
  await pass(1000)
  t.equal(runs, 2)
  await pass(59_999)
  t.equal(runs, 2)
  await pass(1)
  t.equal(runs, 3)
  t.match(lines, [/what has expired could not be deleted/])
  await expiry.close()
  await pass(120_000)
  t.equal(runs, 3)
})

t.test('nothing is deleted while the clock is off, and all once it is right again', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const skews = [-61, 61, 59]
  let runs = 0
  const deleteExpired = async () => {
    runs++
    return false
  }
  const measureClockSkew = async () => skews.shift() as number
  const expiry = startExpiry(
    { expiry: { deleteExpired }, audit, portal, trustEndings, health: { measureClockSkew } },
    pino({ level: 'silent' }),
  )
  for (const [milliseconds, expected] of [
    [1000, 0],
    [60_000, 0],
    [60_000, 1],
  ] as const) {
    await pass(milliseconds)
    t.equal(runs, expected)
  }
  await expiry.close()
})
