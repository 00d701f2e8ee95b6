import type { Logger } from 'pino'
import { MAX_CLOCK_SKEW_SECONDS } from '../../domain/clock.ts'
import type { Operations } from '../../operations/operations.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'

/** Maximum delay of a rotation step. */
const INTERVAL_MILLISECONDS = 1000

/** Rotates the keys of all realms. Several nodes may run it: they take turns. */
export function startRotation(
  operations: Pick<Operations, 'signingKeys' | 'health'>,
  logger: Logger,
): Running {
  const jobLog = createJobLog(logger, 'key rotation failed')
  let isOff = false
  let underway: Promise<unknown> | undefined

  async function step(): Promise<void> {
    const skew = await operations.health.measureClockSkew()
    const wasOff = isOff
    isOff = Math.abs(skew) > MAX_CLOCK_SKEW_SECONDS
    if (!isOff) await operations.signingKeys.rotateDue()
    else if (!wasOff)
      logger.error(
        { skew_seconds: skew },
        'no keys are rotated here and nothing is deleted that has expired: the clock of this machine or the database is off',
      )
  }

  const timer = setInterval(() => {
    underway ??= step()
      // Each failing realm has a log line of its own.
      .then(jobLog.worked, (error: unknown) =>
        error instanceof AggregateError ? jobLog.worked() : jobLog.failed(error),
      )
      .finally(() => {
        underway = undefined
      })
  }, INTERVAL_MILLISECONDS)
  return {
    close: async () => {
      clearInterval(timer)
      await underway
    },
  }
}
