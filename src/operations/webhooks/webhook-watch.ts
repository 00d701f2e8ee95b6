import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import { inTransaction, isDatabaseAway } from '../../storage/database.ts'
import { findUntold } from '../../storage/webhook-conditions.ts'
import { tellWebhooks } from '../../storage/webhook-events.ts'
import { type LookingWebhook, takeWebhooksToLook } from '../../storage/webhook-turns.ts'
import type { Dependencies } from '../dependencies.ts'

/** Web hooks of one look, and how often each has its turn. */
const BATCH = 20
const EVERY_SECONDS = 60

/** Occurrences of one kind that are told in one look; the others come next. */
const MAX_AT_ONCE = 100

/** Conditions are not checked while this many deliveries wait: those that still hold are told once the receiver is back. */
const ENOUGH_WAITING = 500

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

export type WebhookWatch = ReturnType<typeof webhookWatch>

/** Finds events without a request of their own: those of time passing, and those that token requests leave behind. */
export function webhookWatch({ db, clock, log }: Deps) {
  async function look({ realmId, realmName, webhookId, events }: LookingWebhook): Promise<void> {
    const now = clock()
    const realm = { id: realmId, name: realmName }
    for (const type of events) {
      const untold = await findUntold(db, { realmId, webhookId, now }, type, MAX_AT_ONCE)
      await inTransaction(db, (trx) => tellWebhooks(trx, { realm, now, webhookId }, untold), READERS_MAY_LAG)
    }
  }

  return {
    /** Returns whether there may be more. */
    async look(): Promise<boolean> {
      const now = clock()
      const notSince = new Date(now.getTime() - EVERY_SECONDS * 1000)
      const taken = await takeWebhooksToLook(db, { now, notSince, limit: BATCH })
      for (const webhook of taken.filter(({ waiting }) => waiting < ENOUGH_WAITING)) {
        await look(webhook).catch((error: Error) => {
          if (isDatabaseAway(error)) throw error
          log(
            `the events for web hook ${webhook.webhookId} of realm ${webhook.realmName} could not be found`,
            error,
          )
        })
      }
      return taken.length === BATCH
    },
  }
}
