import type { Logger } from 'pino'
import { MAX_CLOCK_SKEW_SECONDS } from '../../domain/clock.ts'
import type { EndedSessionOperations } from '../../operations/portal/ended-sessions.ts'
import type { ExpiryOperations } from '../../operations/upkeep/expiry.ts'
import type { HealthOperations } from '../../operations/upkeep/health.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'

/** Small batches, each a second after the other while there are more, else a minute. */
const BUSY_MILLISECONDS = 1000
const IDLE_MILLISECONDS = 60_000

type Asked = ExpiryOperations & EndedSessionOperations & Pick<HealthOperations, 'measureClockSkew'>

/** Deletes what has expired, all the time. Several nodes may: they skip each other's rows. */
export function startExpiry(operations: Asked, logger: Logger): Running {
  const jobLog = createJobLog(logger, 'what has expired could not be deleted')
  let closed = false
  let timer: NodeJS.Timeout | undefined
  async function step(): Promise<boolean> {
    // To a clock that is ahead the revocation of a living token has expired: it deletes nothing, and rotation says why.
    if (Math.abs(await operations.measureClockSkew()) > MAX_CLOCK_SKEW_SECONDS) return false
    const more = await operations.deleteWhatHasExpired()
    return (await operations.deleteEndedPortalSessions()) || more
  }
  async function run(): Promise<void> {
    const more = await step().then(
      (found) => {
        jobLog.worked()
        return found
      },
      (error: unknown) => {
        jobLog.failed(error)
        return false
      },
    )
    if (!closed) plan(more ? BUSY_MILLISECONDS : IDLE_MILLISECONDS)
  }
  let underway = Promise.resolve()
  function plan(milliseconds: number): void {
    timer = setTimeout(() => {
      underway = run()
    }, milliseconds)
  }
  plan(BUSY_MILLISECONDS)
  return {
    close: async () => {
      closed = true
      clearTimeout(timer)
      await underway
    },
  }
}
