import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { newId } from '../../crypto/identifier.ts'
import type { Operations } from '../../operations/operations.ts'
import { reasonOf } from '../../storage/database.ts'
import type { Running } from '../stop.ts'
import { repeat } from './repeat.ts'

const INTERVAL_MILLISECONDS = 60_000

/** Says in the database which master keys this server opens with, so that `master-key rotate` can refuse one that it lacks. */
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
      // Other jobs tell of a database that is away. The role may lack the right to the table after an upgrade.
      if (!isFailing) logger.warn(`the master keys of this node could not be announced: ${reasonOf(error)}`)
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
