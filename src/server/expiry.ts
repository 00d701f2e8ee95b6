import type { Logger } from 'pino'
import type { ExpiryOperations } from '../operations/expiry.ts'
import type { Running } from './serve.ts'

/** Small batches, each a second after the other while there are more, else a minute. */
const BUSY_MILLISECONDS = 1000
const IDLE_MILLISECONDS = 60_000

/** Deletes what has expired, all the time. Several nodes may: they skip each other's rows. */
export function startExpiry(
  { deleteWhatHasExpired }: Pick<ExpiryOperations, 'deleteWhatHasExpired'>,
  logger: Logger,
): Running {
  let closed = false
  let timer: NodeJS.Timeout | undefined
  async function run(): Promise<void> {
    const more = await deleteWhatHasExpired().catch((err: unknown) => {
      logger.warn({ err }, 'what has expired could not be deleted; it will be tried again')
      return false
    })
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
