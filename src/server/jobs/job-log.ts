import type { Logger } from 'pino'
import { isDatabaseAway, reasonOf } from '../../storage/database.ts'

/** Logs once when a job begins to fail, and once when it works again. */
export interface JobLog {
  /** The job succeeded, with the database. */
  worked(): void
  failed(error: unknown): void
}

/** When the database went away; logged once for all jobs of a process. */
const away = new WeakMap<Logger, number>()

/** @param failure message for a failure other than a database that is away */
export function createJobLog(logger: Logger, failure: string): JobLog {
  let isFailing = false
  return {
    worked() {
      const since = away.get(logger)
      if (since !== undefined) {
        const seconds = Math.round((performance.now() - since) / 1000)
        logger.warn({ seconds }, `the database is back after ${seconds} s`)
        away.delete(logger)
      }
      if (isFailing) logger.warn(`${failure}; it works again`)
      isFailing = false
    },

    failed(error) {
      if (isDatabaseAway(error)) {
        if (!away.has(logger)) {
          logger.warn({ reason: reasonOf(error) }, 'the database is away')
          away.set(logger, performance.now())
        }
        return
      }
      if (!isFailing) logger.error({ err: error }, `${failure}; the server retries until it works`)
      isFailing = true
    },
  }
}
