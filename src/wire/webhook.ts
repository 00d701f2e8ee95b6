import { stateOf, type Webhook, type WebhookDelivery } from '../domain/webhook.ts'

/** A web hook as JSON of the admin API and of the CLI's `--json`. */
export function webhookToWire(webhook: Webhook) {
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    events: [...webhook.events],
    enabled: webhook.enabled,
    paused_reason: webhook.pausedReason ?? null,
    failing_since: webhook.failingSince ?? null,
    created_at: webhook.createdAt,
    updated_at: webhook.updatedAt,
  }
}

/** A delivery as JSON. */
export function deliveryToWire(delivery: WebhookDelivery) {
  return {
    id: delivery.id,
    type: delivery.type,
    status: stateOf(delivery),
    attempts: delivery.attempts,
    last_attempt_at: delivery.attemptedAt ?? null,
    last_status: delivery.answered ?? null,
    last_error: delivery.fault ?? null,
    next_attempt_at: delivery.dueAt ?? null,
    delivered_at: delivery.deliveredAt ?? null,
    created_at: delivery.createdAt,
    payload: JSON.parse(delivery.body) as Record<string, unknown>,
  }
}
