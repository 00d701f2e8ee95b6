import type { Logger } from 'pino'
import type { UseOperations } from '../../operations/tokens/uses.ts'

/** Last uses are written this often, and lost by at most as much when the process is killed. */
const INTERVAL_MILLISECONDS = 5000

/** Writes down last uses every few seconds, and once more at the end. */
export function startUseWriter(
  { writeUses }: Pick<UseOperations, 'writeUses'>,
  logger: Logger,
): { close(): Promise<void> } {
  const write = () =>
    writeUses().catch((err: Error) => logger.warn({ err }, 'last uses could not be written; trying again'))
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
