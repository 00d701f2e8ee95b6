import type { Logger } from 'pino'
import { MAX_CLOCK_SKEW_SECONDS } from '../../domain/clock.ts'
import type { Operations } from '../../operations/operations.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'
import { repeat } from './repeat.ts'

/** Pause between two rotation steps. */
const INTERVAL_MILLISECONDS = 1000

/** Rotates the keys of all realms. Several nodes may run it: they take turns. */
export function startRotation(
  operations: Pick<Operations, 'signingKeys' | 'health'>,
  logger: Logger,
): Running {
  const jobLog = createJobLog(logger, 'key rotation failed')
  let isOff = false

  async function step(): Promise<void> {
    const skew = await operations.health.measureClockSkew()
    const wasOff = isOff
    isOff = Math.abs(skew) > MAX_CLOCK_SKEW_SECONDS
    if (!isOff) await operations.signingKeys.rotateDue()
    else if (!wasOff)
      logger.error(
        { skew_seconds: skew },
        'key rotation and clean-up are paused on this node: the clock of this machine or the database is off',
      )
  }

  return repeat(INTERVAL_MILLISECONDS, async () => {
    try {
      await step()
      jobLog.worked()
    } catch (error) {
      // Each failing realm has a log line of its own.
      if (error instanceof AggregateError) jobLog.worked()
      else jobLog.failed(error)
    }
    return INTERVAL_MILLISECONDS
  })
}
