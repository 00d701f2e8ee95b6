import type { Actor } from '../../domain/actor.ts'
import type { ChangeAction } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Webhook, WebhookSettings } from '../../domain/webhook.ts'
import { lockWebhook } from '../../storage/webhooks.ts'
import { type ChangeScope, inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { shareRealmNamed } from '../realms/named-realm.ts'

/** A change of web hooks. The realm cannot change or be deleted meanwhile. */
export interface Held extends ChangeScope {
  readonly realm: Realm
  readonly now: Date
}

export type WebhookDeps = Pick<Dependencies, 'db' | 'clock' | 'refusals' | 'webhookSending'>

export interface WebhookAttempt {
  readonly actor: Actor
  readonly action: ChangeAction
  readonly realm: string
  readonly target?: string
}

/** @throws Refusal `forbidden`, `not_found`, `changed_meanwhile` */
export function changeWebhooks<T>(
  deps: WebhookDeps,
  attempt: WebhookAttempt,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const { actor, realm: realmName } = attempt
  const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
  return deps.refusals.ofChange(attempt, () =>
    inChange(deps, { actor, permit, realmName }, async (scope) => {
      const realm = await shareRealmNamed(scope.trx, realmName)
      return work({ ...scope, realm, now: deps.clock() })
    }),
  )
}

/** @throws Refusal `not_found`, `changed_meanwhile` */
export async function lockOne({ trx, realm, checkVersion }: Held, id: string): Promise<Webhook> {
  const webhook = (await lockWebhook(trx, realm.id, id)) ?? refuseUnknown(id)
  checkVersion(String(webhook.version), 'the web hook')
  return webhook
}

/** Settings as the audit trail shows them: without the query of the URL, which may hold a secret of the receiver. */
export function shown({ url, description, events, enabled }: WebhookSettings) {
  return { url: url.replace(/\?.*/, '?…'), description, events, enabled }
}

export function refuseUnknown(id: string): never {
  throw new Refusal('not_found', `The realm has no web hook ${id}.`, 'id')
}
