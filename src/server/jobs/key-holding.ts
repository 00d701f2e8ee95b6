import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { newId } from '../../crypto/identifier.ts'
import type { Operations } from '../../operations/operations.ts'
import { describeDatabaseError, reasonOf } from '../../storage/database.ts'
import type { Running } from '../stop.ts'
import { repeat } from './repeat.ts'

const INTERVAL_MILLISECONDS = 60_000

/** Writes to the database which master keys this server has, so that `master-key rotate` can refuse one that is missing here. */
export function startKeyHolding(
  { masterKey }: Pick<Operations, 'masterKey'>,
  port: number,
  logger: Logger,
): Running {
  const node = newId()
  const address = `${hostname()}:${port}`
  let isFailing = false
  const job = repeat(0, async () => {
    try {
      await masterKey.announce(node, address)
      isFailing = false
    } catch (error) {
      if (!isFailing)
        logger.warn(
          `mintmark master-key rotate does not see this server: ${describeDatabaseError(error) ?? reasonOf(error)}`,
        )
      isFailing = true
    }
    return INTERVAL_MILLISECONDS
  })
  return {
    async close() {
      await job.close()
      await masterKey.withdraw(node).catch(() => {})
    },
  }
}
