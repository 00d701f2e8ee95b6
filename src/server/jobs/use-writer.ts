import type { Logger } from 'pino'
import type { Uses } from '../../operations/tokens/uses.ts'
import { createJobLog } from './job-log.ts'

/** Interval between two writes of last uses. A killed process loses at most one interval. */
const INTERVAL_MILLISECONDS = 5000

/** Writes last uses every few seconds, and once more at shutdown. */
export function startUseWriter(uses: Pick<Uses, 'write'>, logger: Logger): { close(): Promise<void> } {
  const jobLog = createJobLog(logger, 'last uses could not be written')
  const write = () =>
    uses.write().then((written) => {
      if (written > 0) jobLog.worked()
    }, jobLog.failed)
  let underway = Promise.resolve()
  const timer = setInterval(() => {
    underway = underway.then(write)
  }, INTERVAL_MILLISECONDS)
  return {
    close: async () => {
      clearInterval(timer)
      await underway.then(write)
    },
  }
}
