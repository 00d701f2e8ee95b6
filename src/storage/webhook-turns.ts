import { sql } from 'kysely'
import { MAX_WAITING, type WebhookEvent } from '../domain/webhook.ts'
import { READERS_MAY_LAG } from './commit-waits.ts'
import { type Database, type DatabaseTransaction, inTransaction } from './database.ts'

/** A web hook that this node sends for, until the lease ends. */
export interface LeasedWebhook {
  readonly realmId: string
  readonly realmName: string
  readonly webhookId: string
  readonly url: string
}

/** Candidates of which some are taken. There are ten web hooks in a realm at most, so several realms are among them. */
const LOOKED_AT = 200

/**
 * Takes web hooks whose deliveries are due, the longest waiting first, and few of one realm: none waits for the flood or the
 * slow receiver of another.
 * @param busy realms that this node sends for already, as often as it may
 */
export async function leaseDueWebhooks(
  db: Database,
  {
    now,
    until,
    limit,
    perRealm,
    busy,
  }: {
    readonly now: Date
    readonly until: Date
    readonly limit: number
    readonly perRealm: number
    readonly busy: readonly string[]
  },
): Promise<LeasedWebhook[]> {
  const { rows } = await sql<{ realm_id: string; name: string; id: string; url: string }>`
    with due as (
      select realm_id, id, due_at, row_number() over (partition by realm_id order by due_at, id) as n from (
        select realm_id, id, due_at from webhooks
        where enabled and due_at <= ${now} and leased_until <= ${now} and realm_id <> all (${busy}::bigint[])
        order by due_at limit ${LOOKED_AT}
      ) w
    ), taken as (
      select w.realm_id, w.id from webhooks w join due using (realm_id, id)
      where due.n <= ${perRealm} and w.enabled and w.leased_until <= ${now}
      order by due.due_at limit ${limit} for update of w skip locked
    )
    update webhooks w set leased_until = ${until} from taken, realms r
    where w.realm_id = taken.realm_id and w.id = taken.id and r.id = w.realm_id
    returning w.realm_id, r.name, w.id, w.url
  `.execute(db)
  return rows.map((row) => ({
    realmId: row.realm_id,
    realmName: row.name,
    webhookId: row.id,
    url: row.url,
  }))
}

/** Gives it back. What is due already waits behind the others. */
export function releaseWebhook(
  db: Database,
  { realmId, webhookId }: Pick<LeasedWebhook, 'realmId' | 'webhookId'>,
  now: Date,
): Promise<void> {
  return inTransaction(
    db,
    async (trx) => {
      // A statement that waited for this lock would not see what was added meanwhile.
      await sql`select from webhooks where realm_id = ${realmId} and id = ${webhookId} for update`.execute(
        trx,
      )
      await sql`
        update webhooks w set leased_until = '-infinity', due_at = (
          select greatest(min(d.due_at), ${now}) from webhook_deliveries d
          where d.realm_id = w.realm_id and d.webhook_id = w.id and d.due_at is not null
          having min(d.due_at) is not null
        )
        where w.realm_id = ${realmId} and w.id = ${webhookId}
      `.execute(trx)
    },
    READERS_MAY_LAG,
  )
}

/** Notes whether it works. The row is locked from then on. */
export async function noteWebhookWorks(
  trx: DatabaseTransaction,
  { realmId, webhookId }: Pick<LeasedWebhook, 'realmId' | 'webhookId'>,
  works: boolean,
  now: Date,
): Promise<Date | undefined> {
  const { rows } = await sql<{ failing_since: Date | null }>`
    update webhooks set failing_since = ${works ? sql`null` : sql`coalesce(failing_since, ${now})`}
    where realm_id = ${realmId} and id = ${webhookId}
    returning failing_since
  `.execute(trx)
  return rows[0]?.failing_since ?? undefined
}

export interface LookingWebhook extends Omit<LeasedWebhook, 'url'> {
  readonly events: readonly WebhookEvent[]
  /** Deliveries that wait, `MAX_WAITING` at most. */
  readonly waiting: number
}

/** Takes web hooks whose realm was not looked at since then. Each is taken by one node. */
export async function takeWebhooksToLook(
  db: Database,
  { now, notSince, limit }: { readonly now: Date; readonly notSince: Date; readonly limit: number },
): Promise<LookingWebhook[]> {
  const { rows } = await sql<{
    realm_id: string
    name: string
    id: string
    events: string[]
    waiting: string
  }>`
    with taken as (
      select realm_id, id from webhooks where enabled and looked_at <= ${notSince}
      order by looked_at limit ${limit} for update skip locked
    )
    update webhooks w set looked_at = ${now} from taken, realms r
    where w.realm_id = taken.realm_id and w.id = taken.id and r.id = w.realm_id
    returning w.realm_id, r.name, w.id, w.events, (
      select count(*) from (
        select from webhook_deliveries d
        where d.realm_id = w.realm_id and d.webhook_id = w.id and d.due_at is not null limit ${MAX_WAITING}
      ) d
    )::text as waiting
  `.execute(db)
  return rows.map((row) => ({
    realmId: row.realm_id,
    realmName: row.name,
    webhookId: row.id,
    events: row.events as WebhookEvent[],
    waiting: Number(row.waiting),
  }))
}

export interface WebhookMeasurement {
  /** Enabled ones whose last attempt failed. */
  readonly failing: number
  /** When the delivery was due that waits longest for a node. */
  readonly dueSince: Date | undefined
}

export async function measureWebhooks(db: Database, now: Date): Promise<WebhookMeasurement> {
  const { rows } = await sql<{ failing: string; due_since: Date | null }>`
    select
      (select count(*) from webhooks where enabled and failing_since is not null)::text as failing,
      (select min(due_at) from webhooks where enabled and due_at <= ${now} and leased_until <= ${now}) as due_since
  `.execute(db)
  return { failing: Number(rows[0]?.failing), dueSince: rows[0]?.due_since ?? undefined }
}
