import { randomBelow } from '../../crypto/identifier.ts'
import { SERVER_ACTOR } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { nextAttempt, type PausedReason, PING, type WebhookDelivery } from '../../domain/webhook.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import { type DatabaseTransaction, inTransaction, isDatabaseAway } from '../../storage/database.ts'
import { listDueDeliveries, updateDelivery } from '../../storage/webhook-deliveries.ts'
import {
  type LeasedWebhook,
  leaseDueWebhooks,
  noteWebhookWorks,
  releaseWebhook,
} from '../../storage/webhook-turns.ts'
import { findWebhook, lockWebhook, updateWebhook } from '../../storage/webhooks.ts'
import type { Dependencies } from '../dependencies.ts'
import { shown } from './webhook-changes.ts'
import { type Outcome, webhookRequests } from './webhook-requests.ts'

/** Web hooks that this process sends for at once, and those of one realm. */
const MAX_RUNNING = 16
const MAX_OF_A_REALM = 2

/** Deliveries of a turn: then the others come first. */
const PER_TURN = 5

/** Longer than a turn takes at most. After it, another node sends what this one did not note as sent. */
const LEASE_SECONDS = 120

/** A web hook is paused after this long without success, once one delivery has used all of its attempts. */
const FAILING_SECONDS = 3 * 86_400

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'publicUrl' | 'clock' | 'log' | 'webhookSending'>

export type WebhookSender = ReturnType<typeof webhookSender>

/** Sends what is due: at least once, and no connection to the database is held meanwhile. */
export function webhookSender(deps: Deps) {
  const { db, clock, log } = deps
  const requests = webhookRequests(deps)
  const running = new Map<Promise<void>, LeasedWebhook>()
  const ending = new AbortController()

  async function serve(webhook: LeasedWebhook): Promise<void> {
    const signer = await requests.signerOf(webhook)
    for (const delivery of await listDueDeliveries(db, webhook, clock(), PER_TURN)) {
      const present = await findWebhook(db, webhook.realmId, webhook.webhookId)
      if (!present?.enabled) break
      const outcome = await requests.send({ ...webhook, url: present.url }, delivery, signer, ending.signal)
      if (outcome.kind === 'cut') break
      await inTransaction(db, (trx) => note(trx, webhook, delivery, outcome), READERS_MAY_LAG)
    }
    await releaseWebhook(db, webhook, clock())
  }

  async function note(
    trx: DatabaseTransaction,
    webhook: LeasedWebhook,
    { type, ...before }: WebhookDelivery,
    outcome: Exclude<Outcome, { kind: 'cut' }>,
  ): Promise<void> {
    const now = clock()
    const isDone = outcome.kind === 'delivered'
    const attempts = before.attempts + 1
    const counts = isDone || type !== PING
    const failingSince = counts ? await noteWebhookWorks(trx, webhook, isDone, now) : undefined
    const next = type === PING ? undefined : nextAttempt(attempts, now, randomBelow(1000) / 1000)
    await updateDelivery(trx, webhook, {
      ...before,
      attempts,
      attemptedAt: now,
      answered: outcome.answered,
      fault: isDone ? undefined : outcome.fault,
      dueAt: isDone ? undefined : next,
      deliveredAt: isDone ? now : undefined,
    })
    if (isDone || type === PING) return
    if (outcome.kind === 'gone') return pause(trx, webhook, 'gone', now)
    const failedFor = failingSince ? now.getTime() - failingSince.getTime() : 0
    if (!next && failedFor >= FAILING_SECONDS * 1000) await pause(trx, webhook, 'failing', now)
  }

  async function pause(
    trx: DatabaseTransaction,
    { realmId, realmName, webhookId }: LeasedWebhook,
    pausedReason: PausedReason,
    now: Date,
  ): Promise<void> {
    const before = await lockWebhook(trx, realmId, webhookId)
    if (!before?.enabled) return
    await updateWebhook(trx, realmId, { ...before, enabled: false, pausedReason }, now)
    const details = { ...shown(before), reason: pausedReason }
    const event = done(SERVER_ACTOR, 'webhook.pause', webhookId, details)
    await insertAuditEvent(trx, { id: realmId, name: realmName }, event, now)
    log(`web hook ${webhookId} of realm ${realmName} is paused: ${WHY[pausedReason]}`)
  }

  function start(webhook: LeasedWebhook): void {
    // A failure keeps the lease, so that no node retries at once.
    const work = serve(webhook)
      .catch((error: Error) => {
        if (!isDatabaseAway(error))
          log(`web hook ${webhook.webhookId} of realm ${webhook.realmName} could not be served`, error)
      })
      .finally(() => running.delete(work))
    running.set(work, webhook)
  }

  return {
    /** Begins to send what is due, as far as there is room. Returns for how many web hooks. */
    async sendDue(): Promise<number> {
      const limit = MAX_RUNNING - running.size
      if (limit === 0 || ending.signal.aborted) return 0
      const now = clock()
      const until = new Date(now.getTime() + LEASE_SECONDS * 1000)
      const busy = busyRealms([...running.values()])
      const taken = await leaseDueWebhooks(db, { now, until, limit, perRealm: MAX_OF_A_REALM, busy })
      for (const webhook of taken) start(webhook)
      return taken.length
    },

    /** All that was begun has ended. */
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running.keys())
    },

    /** Ends what is under way: another node, or the next start, sends it again. */
    async close(): Promise<void> {
      ending.abort()
      await this.idle()
    },
  }
}

const WHY: Readonly<Record<PausedReason, string>> = {
  failing: 'no attempt has succeeded for three days; see to its receiver, and enable it again',
  gone: 'its address answered 410, which means that it is gone for good',
}

/** Realms that this process sends for as often as it may. */
function busyRealms(webhooks: readonly LeasedWebhook[]): string[] {
  return [...new Set(webhooks.map(({ realmId }) => realmId))].filter(
    (id) => webhooks.filter(({ realmId }) => realmId === id).length >= MAX_OF_A_REALM,
  )
}
