import { type RawBuilder, sql } from 'kysely'
import { MAX_WAITING, PING, type WebhookOccurrence, webhookBody } from '../domain/webhook.ts'
import type { Database, DatabaseTransaction } from './database.ts'

interface OfRealm {
  readonly id: string
  readonly name: string
}

/** Whom to tell, and when. */
export interface Telling {
  readonly realm: OfRealm
  readonly now: Date
  /** Default: all web hooks of the realm. */
  readonly webhookId?: string
}

/**
 * Tells the web hooks of a realm that want to know, each once for each occurrence: in the transaction of what happened, so that
 * they are told of what was done, and of nothing else.
 * @returns how many deliveries were made
 */
export async function tellWebhooks(
  trx: Database,
  telling: Telling,
  occurrences: readonly WebhookOccurrence[],
): Promise<number> {
  if (occurrences.length === 0) return 0
  const { realm, now } = telling
  const types = occurrences.map(({ type }) => type)
  const names = occurrences.map(({ occurrence }) => occurrence)
  const bodies = occurrences.map(({ type, data }) => webhookBody(type, data, realm, now))
  const { rows } = await sql<{ count: string }>`
    with o as (
      select * from unnest(${types}::text[], ${names}::text[], ${bodies}::text[]) as o(type, occurrence, body)
    ), told as (
      ${noteTold(telling)}
    ), made as (
      insert into webhook_deliveries (realm_id, webhook_id, id, type, body, created_at, due_at, fault)
      select ${realm.id}, t.webhook_id, ${newDeliveryId()}, t.type, o.body, ${now},
        case when waiting.is_full then null else ${now}::timestamptz end,
        case when waiting.is_full then ${FULL} end
      from told t join o using (type, occurrence) cross join lateral (
        select count(*) >= ${MAX_WAITING} as is_full from (
          select from webhook_deliveries d
          where d.realm_id = ${realm.id} and d.webhook_id = t.webhook_id and d.due_at is not null limit ${MAX_WAITING}
        ) d
      ) waiting
      returning webhook_id
    ), due as (
      update webhooks w set due_at = least(w.due_at, ${now}) where w.realm_id = ${realm.id}
        and w.id in (select webhook_id from made)
    )
    select count(*)::text as count from made
  `.execute(trx)
  return Number(rows[0]?.count)
}

/** Which web hooks were not told of which occurrences before. */
function noteTold({ realm, now, webhookId }: Telling): RawBuilder<unknown> {
  return sql`
    insert into webhook_occurrences (realm_id, webhook_id, type, occurrence, noted_at)
    select w.realm_id, w.id, o.type, o.occurrence, ${now}::timestamptz
    from webhooks w join o on o.type = any (w.events)
    where w.realm_id = ${realm.id} and w.enabled ${webhookId === undefined ? sql`` : sql`and w.id = ${webhookId}`}
    -- In one order, so that two nodes wait for each other rather than deadlock.
    order by w.id, o.type, o.occurrence
    on conflict do nothing
    returning webhook_id, type, occurrence`
}

/** The occurrence of a public key's end, whether it came or was made. */
export function keyEnd(thumbprint: string, endedAt: Date): string {
  return `${thumbprint} ${Math.floor(endedAt.getTime() / 1000)}`
}

const FULL = `${MAX_WAITING} deliveries wait already: it was given up`

const newDeliveryId = () => sql`'msg_' || replace(gen_random_uuid()::text, '-', '')`

/** A delivery that an administrator asks for. @returns its id; `undefined`: too many wait */
export async function insertPing(
  trx: DatabaseTransaction,
  realm: OfRealm,
  webhookId: string,
  now: Date,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into webhook_deliveries (realm_id, webhook_id, id, type, body, created_at, due_at)
    select ${realm.id}, ${webhookId}, ${newDeliveryId()}, ${PING}, ${webhookBody(PING, {}, realm, now)}, ${now}, ${now}
    where (
      select count(*) from webhook_deliveries
      where realm_id = ${realm.id} and webhook_id = ${webhookId} and due_at is not null
    ) < ${MAX_WAITING}
    returning id
  `.execute(trx)
  if (rows[0]) await setDue(trx, realm.id, webhookId, now)
  return rows[0]?.id
}

/** Something of it is due by then. */
export async function setDue(
  trx: DatabaseTransaction,
  realmId: string,
  webhookId: string,
  now: Date,
): Promise<void> {
  await sql`update webhooks set due_at = least(due_at, ${now}) where realm_id = ${realmId} and id = ${webhookId}`.execute(
    trx,
  )
}
