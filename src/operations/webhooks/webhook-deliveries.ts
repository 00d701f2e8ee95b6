import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { badCursor, type Page, pageOfRows } from '../../domain/page.ts'
import { Refusal } from '../../domain/refusal.ts'
import { MAX_WAITING, type WebhookDelivery } from '../../domain/webhook.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { findDelivery, listDeliveries, updateDelivery } from '../../storage/webhook-deliveries.ts'
import { insertPing, setDue } from '../../storage/webhook-events.ts'
import { findWebhook } from '../../storage/webhooks.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { changeWebhooks, lockOne, refuseUnknown, type WebhookDeps } from './webhook-changes.ts'

export interface DeliveryQuery {
  /** `next` of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

export type WebhookDeliveries = ReturnType<typeof webhookDeliveries>

/** Deliveries of web hooks, past and pending. */
export function webhookDeliveries(deps: WebhookDeps) {
  const { db, refusals } = deps
  return {
    /** The newest first; they are kept for 14 days. @throws Refusal `forbidden`, `not_found`, `invalid` */
    list(
      actor: Actor,
      realmName: string,
      id: string,
      { after, limit }: DeliveryQuery,
    ): Promise<Page<WebhookDelivery>> {
      const attempt = { actor, action: 'webhook.list-deliveries', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const realm = await realmNamed(db, realmName)
        if (!(await findWebhook(db, realm.id, id))) refuseUnknown(id)
        const of = { realmId: realm.id, webhookId: id }
        const rows = await listDeliveries(
          db,
          of,
          after === undefined ? undefined : positionOf(after),
          limit + 1,
        )
        return pageOfRows(rows, limit, (last) => `${last.createdAt.toISOString()} ${last.id}`)
      })
    },

    /** A delivery that says nothing, attempted once. @throws Refusal `forbidden`, `not_found`, `conflict`, `limit_reached` */
    test(actor: Actor, realmName: string, id: string): Promise<WebhookDelivery> {
      const about = { actor, action: 'webhook.test', realm: realmName, target: id } as const
      return changeWebhooks(deps, about, async (held) => {
        const { trx, realm, now } = held
        requireEnabled(await lockOne(held, id))
        const made = await insertPing(trx, realm, id, now)
        if (made === undefined) throw full()
        await insertAuditEvent(trx, realm, done(held.actor, 'webhook.test', id, { delivery: made }), now)
        return (await findDelivery(trx, { realmId: realm.id, webhookId: id }, made)) as WebhookDelivery
      })
    },

    /** Sends it again, with the same webhook-id. @throws Refusal `forbidden`, `not_found`, `conflict` */
    redeliver(actor: Actor, realmName: string, id: string, deliveryId: string): Promise<WebhookDelivery> {
      const about = { actor, action: 'webhook.redeliver', realm: realmName, target: id } as const
      return changeWebhooks(deps, about, async (held) => {
        const { trx, realm, now } = held
        requireEnabled(await lockOne(held, id))
        const of = { realmId: realm.id, webhookId: id }
        const before = await findDelivery(trx, of, deliveryId)
        if (!before) throw new Refusal('not_found', `The web hook has no delivery ${deliveryId}.`, 'delivery')
        const delivery = { ...before, attempts: 0, dueAt: now, deliveredAt: undefined }
        await updateDelivery(trx, of, delivery)
        await setDue(trx, realm.id, id, now)
        const details = { delivery: deliveryId }
        await insertAuditEvent(trx, realm, done(held.actor, 'webhook.redeliver', id, details), now)
        return delivery
      })
    },
  }
}

function requireEnabled({ enabled }: { readonly enabled: boolean }): void {
  if (!enabled) throw new Refusal('conflict', 'The web hook is paused: enable it first.')
}

function full(): Refusal {
  const text = `${MAX_WAITING} deliveries already wait for this web hook: pause it, or repair its receiver.`
  return new Refusal('limit_reached', text, undefined, MAX_WAITING)
}

/** @throws Refusal `invalid` */
function positionOf(after: string): { readonly at: Date; readonly id: string } {
  const [, time = '', id = ''] = /^(\S+) (msg_[0-9a-f]{32})$/.exec(after) ?? []
  const at = new Date(time)
  if (id === '' || Number.isNaN(at.getTime())) throw badCursor()
  return { at, id }
}
