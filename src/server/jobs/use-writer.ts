import type { Logger } from 'pino'
import type { Quotas } from '../../operations/tokens/quotas.ts'
import type { TokenCounts } from '../../operations/tokens/token-counts.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'
import { repeat } from './repeat.ts'

/** Interval between two writes. A killed process loses at most one interval. */
const INTERVAL_MILLISECONDS = 5000

interface Writer {
  /** Returns how many rows were written. */
  write(isLast: boolean): Promise<number>
}

interface Written {
  readonly uses: Writer
  readonly issuerRefusals: Writer
  readonly shadow: Writer
  readonly quotas: Pick<Quotas, 'refresh'>
  readonly tokenCounts: Pick<TokenCounts, 'write' | 'writeDue'>
}

/** Writes what token requests leave in memory every few seconds, and once more at shutdown. */
export function startUseWriter(
  { uses, issuerRefusals, shadow, tokenCounts, quotas }: Written,
  logger: Logger,
): Pick<Running, 'close'> {
  const counts = { write: (isLast: boolean) => (isLast ? tokenCounts.write() : tokenCounts.writeDue()) }
  const used = { write: () => quotas.refresh() }
  const writes = [
    writeOf(uses, logger, 'last uses could not be written'),
    writeOf(issuerRefusals, logger, 'refused tokens of trusted issuers could not be written'),
    writeOf(shadow, logger, 'counts of realms in shadow mode could not be written'),
    writeOf(used, logger, 'the use of quotas could not be written and read'),
    writeOf(counts, logger, 'counts of issued and refused tokens could not be written'),
  ]
  async function writeAll(isLast = false): Promise<number> {
    for (const write of writes) await write(isLast)
    return INTERVAL_MILLISECONDS
  }
  const writing = repeat(INTERVAL_MILLISECONDS, () => writeAll())
  return {
    close: async () => {
      await writing.close()
      await writeAll(true)
    },
  }
}

function writeOf(writer: Writer, logger: Logger, failure: string): (isLast: boolean) => Promise<void> {
  const jobLog = createJobLog(logger, failure)
  return (isLast) =>
    writer.write(isLast).then((written) => {
      if (written > 0) jobLog.worked()
    }, jobLog.failed)
}
