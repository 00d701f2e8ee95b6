import type { Logger } from 'pino'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'
import { repeat } from './repeat.ts'

/** Interval between two writes. A killed process loses at most one interval. */
const INTERVAL_MILLISECONDS = 5000

interface Writer {
  /** Returns how many rows were written. */
  write(): Promise<number>
}

interface Written {
  readonly uses: Writer
  readonly issuerRefusals: Writer
  readonly shadow: Writer
}

/** Writes what token requests leave in memory every few seconds, and once more at shutdown. */
export function startUseWriter(
  { uses, issuerRefusals, shadow }: Written,
  logger: Logger,
): Pick<Running, 'close'> {
  const writes = [
    writeOf(uses, logger, 'last uses could not be written'),
    writeOf(issuerRefusals, logger, 'refused tokens of trusted issuers could not be written'),
    writeOf(shadow, logger, 'counts of realms in shadow mode could not be written'),
  ]
  async function writeAll(): Promise<number> {
    for (const write of writes) await write()
    return INTERVAL_MILLISECONDS
  }
  const writing = repeat(INTERVAL_MILLISECONDS, writeAll)
  return {
    close: async () => {
      await writing.close()
      await writeAll()
    },
  }
}

function writeOf(writer: Writer, logger: Logger, failure: string): () => Promise<void> {
  const jobLog = createJobLog(logger, failure)
  return () =>
    writer.write().then((written) => {
      if (written > 0) jobLog.worked()
    }, jobLog.failed)
}
