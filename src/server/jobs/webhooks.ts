import type { Logger } from 'pino'
import type { Operations } from '../../operations/operations.ts'
import type { Running } from '../stop.ts'
import { createJobLog } from './job-log.ts'
import { repeat } from './repeat.ts'

/** Pause between two looks for deliveries that are due. */
const SEND_MILLISECONDS = 1000

/** Pause between two looks for what web hooks are to be told of: shorter while there is more. */
const BUSY_MILLISECONDS = 1000
const IDLE_MILLISECONDS = 15_000

/** Finds what web hooks are to be told of, and sends it. Several nodes may run it: each takes what no other has taken. */
export function startWebhooks(
  { webhookSender, webhookWatch }: Pick<Operations, 'webhookSender' | 'webhookWatch'>,
  logger: Logger,
): Pick<Running, 'close'> {
  const sendLog = createJobLog(logger, 'deliveries of web hooks could not be sent')
  const sending = repeat(SEND_MILLISECONDS, async () => {
    await webhookSender.sendDue().then(sendLog.worked, sendLog.failed)
    return SEND_MILLISECONDS
  })
  const watchLog = createJobLog(logger, 'what web hooks are told of could not be found')
  const watching = repeat(BUSY_MILLISECONDS, async () => {
    try {
      const more = await webhookWatch.look()
      watchLog.worked()
      return more ? BUSY_MILLISECONDS : IDLE_MILLISECONDS
    } catch (error) {
      watchLog.failed(error)
      return IDLE_MILLISECONDS
    }
  })
  return {
    close: async () => {
      await Promise.all([watching.close(), sending.close()])
      await webhookSender.close()
    },
  }
}
