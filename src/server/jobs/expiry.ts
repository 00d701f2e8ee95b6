import type { Logger } from 'pino'
import { MAX_CLOCK_SKEW_SECONDS } from '../../domain/clock.ts'
import type { Operations } from '../../operations/operations.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'
import { repeat } from './repeat.ts'

/** Pause between two batches: one second while there is more, else one minute. */
const BUSY_MILLISECONDS = 1000
const IDLE_MILLISECONDS = 60_000

interface Asked {
  readonly expiry: Pick<Operations['expiry'], 'deleteExpired'>
  readonly audit: Pick<Operations['audit'], 'keepPartitions'>
  readonly portal: Pick<Operations['portal'], 'deleteEndedSessions'>
  readonly trustEndings: Pick<Operations['trustEndings'], 'finishOthers'>
  readonly health: Pick<Operations['health'], 'measureClockSkew'>
}

/** Deletes expired rows. Several nodes may run it: they skip each other's locked rows. */
export function startExpiry(operations: Asked, logger: Logger): Running {
  const jobLog = createJobLog(logger, 'what has expired could not be deleted')
  async function step(): Promise<boolean> {
    const ending = await operations.trustEndings.finishOthers()
    // A clock that is ahead would delete revocations of live tokens. Nothing is deleted then; the rotation job logs why.
    if (Math.abs(await operations.health.measureClockSkew()) > MAX_CLOCK_SKEW_SECONDS) return ending
    await operations.audit.keepPartitions()
    const more = await operations.expiry.deleteExpired()
    return (await operations.portal.deleteEndedSessions()) || more || ending
  }

  return repeat(BUSY_MILLISECONDS, async () => {
    try {
      const more = await step()
      jobLog.worked()
      return more ? BUSY_MILLISECONDS : IDLE_MILLISECONDS
    } catch (error) {
      jobLog.failed(error)
      return IDLE_MILLISECONDS
    }
  })
}
