import { type Selectable, sql } from 'kysely'
import type { PausedReason, Webhook, WebhookEvent, WebhookSettings } from '../domain/webhook.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { WebhookRow } from './webhook-tables.ts'

const COLUMNS = [
  'id',
  'url',
  'description',
  'events',
  'enabled',
  'paused_reason',
  'failing_since',
  'version',
  'created_at',
  'updated_at',
] as const

type Row = Pick<Selectable<WebhookRow>, (typeof COLUMNS)[number]>

/** All of a realm, the oldest first. */
export async function listWebhooks(db: Database, realmId: string): Promise<Webhook[]> {
  const rows = await db
    .selectFrom('webhooks')
    .select(COLUMNS)
    .where('realm_id', '=', realmId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  return rows.map(toWebhook)
}

export async function findWebhook(db: Database, realmId: string, id: string): Promise<Webhook | undefined> {
  const row = await oneOf(db, realmId, id)?.executeTakeFirst()
  return row && toWebhook(row)
}

export async function lockWebhook(
  trx: DatabaseTransaction,
  realmId: string,
  id: string,
): Promise<Webhook | undefined> {
  const row = await oneOf(trx, realmId, id)?.forUpdate().executeTakeFirst()
  return row && toWebhook(row)
}

// A text that PostgreSQL refuses is none either.
function oneOf(db: Database, realmId: string, id: string) {
  if (!/^[\w-]{1,100}$/.test(id)) return undefined
  return db.selectFrom('webhooks').select(COLUMNS).where('realm_id', '=', realmId).where('id', '=', id)
}

export async function insertWebhook(
  trx: DatabaseTransaction,
  realmId: string,
  { id, url, description, events, enabled }: WebhookSettings & { readonly id: string },
  now: Date,
): Promise<Webhook> {
  const row = await trx
    .insertInto('webhooks')
    .values({
      realm_id: realmId,
      id,
      url,
      description,
      events: [...events],
      enabled,
      created_at: now,
      updated_at: now,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return toWebhook(row)
}

/** @param pausedReason why the server pauses it */
export async function updateWebhook(
  trx: DatabaseTransaction,
  realmId: string,
  {
    id,
    url,
    description,
    events,
    enabled,
    pausedReason,
  }: WebhookSettings & { readonly id: string; readonly pausedReason?: PausedReason | undefined },
  now: Date,
): Promise<Webhook> {
  const row = await trx
    .updateTable('webhooks')
    .set((eb) => ({
      url,
      description,
      events: [...events],
      enabled,
      paused_reason: pausedReason ?? null,
      // Enabled again, it fails no longer until it does.
      failing_since: sql<Date | null>`case when enabled or not ${enabled} then failing_since end`,
      version: eb('version', '+', 1),
      updated_at: now,
    }))
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
  return toWebhook(row)
}

/** Its deliveries go with it. */
export async function deleteWebhook(trx: DatabaseTransaction, realmId: string, id: string): Promise<void> {
  await trx.deleteFrom('webhooks').where('realm_id', '=', realmId).where('id', '=', id).execute()
}

function toWebhook(row: Row): Webhook {
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    events: row.events as WebhookEvent[],
    enabled: row.enabled,
    pausedReason: (row.paused_reason ?? undefined) as PausedReason | undefined,
    failingSince: row.failing_since ?? undefined,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
