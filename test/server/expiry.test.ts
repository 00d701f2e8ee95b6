import { mock } from 'node:test'
import { pino } from 'pino'
import t from 'tap'
import { startExpiry } from '../../src/server/expiry.ts'

t.test('deleting goes on while there is more, after a failure too, and stops when told', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const outcomes = [async () => true, async () => false, () => Promise.reject(new Error('away'))]
  let runs = 0
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(line) })
  const expiry = startExpiry(
    { deleteWhatHasExpired: () => (outcomes[runs++] as () => Promise<boolean>)() },
    logger,
  )
  const pass = async (milliseconds: number) => {
    mock.timers.tick(milliseconds)
    await new Promise(setImmediate)
  }
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
