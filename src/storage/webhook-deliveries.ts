import { type Selectable, sql } from 'kysely'
import { DELIVERY_KEPT_SECONDS, OCCURRENCE_KEPT_SECONDS, type WebhookDelivery } from '../domain/webhook.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { WebhookDeliveryRow } from './webhook-tables.ts'

const COLUMNS = [
  'id',
  'type',
  'body',
  'created_at',
  'attempts',
  'attempted_at',
  'answered',
  'fault',
  'due_at',
  'delivered_at',
] as const

type Row = Pick<Selectable<WebhookDeliveryRow>, (typeof COLUMNS)[number]>

interface OfWebhook {
  readonly realmId: string
  readonly webhookId: string
}

/** The newest first. @param before the last one of the page before */
export async function listDeliveries(
  db: Database,
  { realmId, webhookId }: OfWebhook,
  before: { readonly at: Date; readonly id: string } | undefined,
  limit: number,
): Promise<WebhookDelivery[]> {
  let query = db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('realm_id', '=', realmId)
    .where('webhook_id', '=', webhookId)
  if (before) query = query.where(sql<boolean>`(created_at, id) < (${before.at}, ${before.id})`)
  const rows = await query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
  return rows.map(toDelivery)
}

export async function findDelivery(
  db: Database,
  { realmId, webhookId }: OfWebhook,
  id: string,
): Promise<WebhookDelivery | undefined> {
  if (!/^[\w-]{1,100}$/.test(id)) return undefined
  const row = await db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('realm_id', '=', realmId)
    .where('webhook_id', '=', webhookId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toDelivery(row)
}

/** Lists the deliveries that are due; the one that waits longest first. */
export async function listDueDeliveries(
  db: Database,
  { realmId, webhookId }: OfWebhook,
  now: Date,
  limit: number,
): Promise<WebhookDelivery[]> {
  const rows = await db
    .selectFrom('webhook_deliveries')
    .select(COLUMNS)
    .where('realm_id', '=', realmId)
    .where('webhook_id', '=', webhookId)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(toDelivery)
}

/** Stores the result of an attempt; without attempts, the delivery starts again. */
export async function updateDelivery(
  trx: DatabaseTransaction,
  { realmId, webhookId }: OfWebhook,
  delivery: Omit<WebhookDelivery, 'type' | 'body' | 'createdAt'>,
): Promise<void> {
  await trx
    .updateTable('webhook_deliveries')
    .set({
      attempts: delivery.attempts,
      attempted_at: delivery.attemptedAt ?? null,
      answered: delivery.answered ?? null,
      fault: delivery.fault ?? null,
      due_at: delivery.dueAt ?? null,
      delivered_at: delivery.deliveredAt ?? null,
    })
    .where('realm_id', '=', realmId)
    .where('webhook_id', '=', webhookId)
    .where('id', '=', delivery.id)
    .execute()
}

/** Returns how many there were, `limit` of each kind at most. */
export async function deleteOldDeliveries(db: Database, now: Date, limit: number): Promise<number> {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000)
  const deliveries = await sql`
    delete from webhook_deliveries where ctid = any (array(
      select ctid from webhook_deliveries where created_at < ${before(DELIVERY_KEPT_SECONDS)}
      order by created_at limit ${limit} for update skip locked
    ))
  `.execute(db)
  const occurrences = await sql`
    delete from webhook_occurrences where ctid = any (array(
      select ctid from webhook_occurrences where noted_at < ${before(OCCURRENCE_KEPT_SECONDS)}
      order by noted_at limit ${limit} for update skip locked
    ))
  `.execute(db)
  return Math.max(Number(deliveries.numAffectedRows ?? 0), Number(occurrences.numAffectedRows ?? 0))
}

function toDelivery(row: Row): WebhookDelivery {
  return {
    id: row.id,
    type: row.type as WebhookDelivery['type'],
    body: row.body,
    createdAt: row.created_at,
    attempts: row.attempts,
    attemptedAt: row.attempted_at ?? undefined,
    answered: row.answered ?? undefined,
    fault: row.fault ?? undefined,
    dueAt: row.due_at ?? undefined,
    deliveredAt: row.delivered_at ?? undefined,
  }
}
