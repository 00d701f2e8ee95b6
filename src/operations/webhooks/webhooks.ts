import { isDeepStrictEqual } from 'node:util'
import { newId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { MAX_WEBHOOKS, parseWebhook, type Webhook, type WebhookSettings } from '../../domain/webhook.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  updateWebhook,
} from '../../storage/webhooks.ts'
import { isLiteralRefused } from '../federation/guarded-request.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { changeWebhooks, lockOne, refuseUnknown, shown, type WebhookDeps } from './webhook-changes.ts'

/** Settings of a new web hook. */
export type NewWebhook = Pick<WebhookSettings, 'url' | 'events'> & Partial<WebhookSettings>

/** Absent members stay. */
export type WebhookUpdate = { readonly [Name in keyof WebhookSettings]?: WebhookSettings[Name] | undefined }

export type Webhooks = ReturnType<typeof webhooks>

/** Addresses that are told of what an administrator wants to know. */
export function webhooks(deps: WebhookDeps) {
  const { db, refusals, webhookSending } = deps

  /** @throws Refusal `invalid` */
  function parse(settings: WebhookSettings): WebhookSettings {
    const parsed = parseWebhook(settings)
    if (isLiteralRefused(parsed.url, webhookSending.networks))
      throw new Refusal(
        'invalid',
        'url is in a network that the operator has not allowed: WEBHOOK_NETWORKS names such networks.',
        'url',
      )
    return parsed
  }

  return {
    /** The oldest first. @throws Refusal `forbidden`, `not_found` */
    list(actor: Actor, realmName: string): Promise<Webhook[]> {
      return refusals.ofRead({ actor, action: 'webhook.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        return listWebhooks(db, (await realmNamed(db, realmName)).id)
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    find(actor: Actor, realmName: string, id: string): Promise<Webhook> {
      const attempt = { actor, action: 'webhook.read', realm: realmName, target: id } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const webhook = await findWebhook(db, (await realmNamed(db, realmName)).id, id)
        return webhook ?? refuseUnknown(id)
      })
    },

    /** @throws Refusal `forbidden`, `not_found`, `invalid`, `limit_reached` */
    create(actor: Actor, realmName: string, sent: NewWebhook): Promise<Webhook> {
      const about = { actor, action: 'webhook.create', realm: realmName } as const
      return changeWebhooks(deps, about, async ({ trx, realm, now, checkVersion, actor }) => {
        checkVersion(null, 'the list')
        const settings = parse({ description: '', enabled: true, ...sent })
        if ((await listWebhooks(trx, realm.id)).length >= MAX_WEBHOOKS) throw full(realmName)
        const webhook = await insertWebhook(trx, realm.id, { ...settings, id: newId() }, now)
        await insertAuditEvent(trx, realm, done(actor, 'webhook.create', webhook.id, shown(webhook)), now)
        return webhook
      })
    },

    /**
     * Changes settings; absent members stay. Paused, it is told of nothing that happens meanwhile, and what waits goes on waiting.
     * @throws Refusal `forbidden`, `not_found`, `invalid`, `changed_meanwhile`
     */
    update(actor: Actor, realmName: string, id: string, sent: WebhookUpdate): Promise<Webhook> {
      const about = { actor, action: 'webhook.update', realm: realmName, target: id } as const
      return changeWebhooks(deps, about, async (held) => {
        const { trx, realm, now } = held
        const before = await lockOne(held, id)
        const settings = parse({
          url: sent.url ?? before.url,
          description: sent.description ?? before.description,
          events: sent.events ?? before.events,
          enabled: sent.enabled ?? before.enabled,
        })
        if (isDeepStrictEqual(shown(settings), shown(before)) && settings.url === before.url) return before
        const pausedReason = settings.enabled ? undefined : before.pausedReason
        const webhook = await updateWebhook(trx, realm.id, { ...settings, id, pausedReason }, now)
        const details = { before: shown(before), after: shown(webhook) }
        await insertAuditEvent(trx, realm, done(held.actor, 'webhook.update', id, details), now)
        return webhook
      })
    },

    /** Pending deliveries are dropped. @throws Refusal `forbidden`, `not_found`, `changed_meanwhile` */
    delete(actor: Actor, realmName: string, id: string): Promise<void> {
      const about = { actor, action: 'webhook.delete', realm: realmName, target: id } as const
      return changeWebhooks(deps, about, async (held) => {
        const { trx, realm, now } = held
        const before = await lockOne(held, id)
        await deleteWebhook(trx, realm.id, id)
        await insertAuditEvent(trx, realm, done(held.actor, 'webhook.delete', id, shown(before)), now)
      })
    },
  }
}

function full(realmName: string): Refusal {
  const text = `Realm ${realmName} has ${MAX_WEBHOOKS} web hooks, which is the limit: delete one that is no longer used.`
  return new Refusal('limit_reached', text, undefined, MAX_WEBHOOKS)
}
