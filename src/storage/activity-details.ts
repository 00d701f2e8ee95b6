import { sql } from 'kysely'
import type { AccountOrigin, RefusalCount } from '../domain/activity.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { CountOwner } from './token-counts.ts'

export interface NotedOrigin extends CountOwner, Pick<AccountOrigin, 'outcome' | 'address' | 'userAgent'> {
  /** Beginning of the hour. */
  readonly at: Date
}

export interface NotedRefusal extends CountOwner, RefusalCount {}

/**
 * Adds counts in one statement. Ignores accounts that do not exist; an empty client_id is the realm. "offset 0" here and below: each
 * row is looked up, and no table read whole, whatever the statistics say.
 */
export async function addRefusalCounts(
  trx: DatabaseTransaction,
  counts: readonly NotedRefusal[],
): Promise<void> {
  if (counts.length === 0) return
  const column = <K extends keyof NotedRefusal>(name: K) => counts.map((count) => count[name])
  await sql`
    insert into refusal_counts as c (realm_id, client_id, starts_at, reason, count)
    select realm_id, client_id, starts_at, reason, sum(count) from unnest(
      ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('startsAt')}::timestamptz[],
      ${column('reason')}::text[], ${column('count')}::bigint[]
    ) as n(realm_id, client_id, starts_at, reason, count)
    where case when n.client_id = '' then exists (select from realms r where r.id = n.realm_id offset 0)
      else exists (
        select from service_accounts a where a.realm_id = n.realm_id and a.client_id = n.client_id offset 0
      ) end
    group by realm_id, client_id, starts_at, reason
    -- In one order, so that two nodes wait for each other rather than deadlock.
    order by realm_id, client_id, starts_at, reason
    on conflict (realm_id, client_id, starts_at, reason) do update set count = c.count + excluded.count
  `.execute(trx)
}

/**
 * Adds origins, or the hour in which known ones were seen: one that was seen in this hour is not written again. Keeps the
 * `most` latest of each account and outcome. Ignores accounts that do not exist.
 */
export async function addOrigins(
  trx: DatabaseTransaction,
  origins: readonly NotedOrigin[],
  most: number,
): Promise<void> {
  if (origins.length === 0) return
  const column = <K extends keyof NotedOrigin>(name: K) => origins.map((origin) => origin[name])
  const { rows } = await sql<{ realm_id: string; client_id: string; is_new: boolean }>`
    insert into account_origins as o (realm_id, client_id, outcome, address, user_agent, first_at, last_at)
    select realm_id, client_id, outcome, address, user_agent, min(at), max(at) from unnest(
      ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('outcome')}::text[],
      ${column('address')}::text[], ${column('userAgent')}::text[], ${column('at')}::timestamptz[]
    ) as n(realm_id, client_id, outcome, address, user_agent, at)
    where not exists (
        select from account_origins known where known.realm_id = n.realm_id and known.client_id = n.client_id
          and known.outcome = n.outcome and known.address = n.address and known.user_agent = n.user_agent
          and known.last_at >= n.at
        offset 0
      )
      and exists (
        select from service_accounts a where a.realm_id = n.realm_id and a.client_id = n.client_id offset 0
      )
    group by realm_id, client_id, outcome, address, user_agent
    order by realm_id, client_id, outcome, address, user_agent
    on conflict (realm_id, client_id, outcome, address, user_agent) do update
    set last_at = greatest(o.last_at, excluded.last_at)
    returning realm_id, client_id, xmax = 0 as is_new
  `.execute(trx)
  await deleteOldestOrigins(
    trx,
    rows.filter((row) => row.is_new),
    most,
  )
}

async function deleteOldestOrigins(
  trx: DatabaseTransaction,
  owners: readonly { readonly realm_id: string; readonly client_id: string }[],
  most: number,
): Promise<void> {
  if (owners.length === 0) return
  await sql`
    delete from account_origins where ctid = any(array(
      select kept.ctid from (select distinct * from unnest(
        ${owners.map((owner) => owner.realm_id)}::bigint[], ${owners.map((owner) => owner.client_id)}::text[]
      )) n(realm_id, client_id), lateral (
        select o.ctid, row_number() over (partition by o.outcome order by o.last_at desc, o.first_at desc) as place
        from account_origins o where o.realm_id = n.realm_id and o.client_id = n.client_id
      ) kept where kept.place > ${most}
    ))
  `.execute(trx)
}

/** The latest first. */
export async function listOrigins(db: Database, { realmId, clientId }: CountOwner): Promise<AccountOrigin[]> {
  const rows = await db
    .selectFrom('account_origins')
    .select(['outcome', 'address', 'user_agent', 'first_at', 'last_at'])
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .orderBy('last_at', 'desc')
    .orderBy('first_at', 'desc')
    .orderBy('address')
    .execute()
  return rows.map((row) => ({
    outcome: row.outcome as AccountOrigin['outcome'],
    address: row.address,
    userAgent: row.user_agent,
    firstAt: row.first_at,
    lastAt: row.last_at,
  }))
}

/** Lists the refusals of an account, or of the realm if client_id is empty; the oldest day first. */
export async function listRefusalCounts(
  db: Database,
  { realmId, clientId }: CountOwner,
  since: Date,
): Promise<RefusalCount[]> {
  const rows = await db
    .selectFrom('refusal_counts')
    .select(['starts_at', 'reason', 'count'])
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('starts_at', '>=', since)
    .orderBy('starts_at')
    .orderBy('reason')
    .execute()
  return rows.map((row) => ({
    startsAt: row.starts_at,
    reason: row.reason,
    count: Number(row.count),
  }))
}

/** Returns how many, at most twice as many as `limit`. */
export async function deleteActivityDetailsBefore(
  db: Database,
  before: Date,
  limit: number,
): Promise<number> {
  const origins = await sql`
    delete from account_origins where ctid = any(array(
      select ctid from account_origins where last_at < ${before} limit ${limit} for update skip locked
    ))
  `.execute(db)
  const refusals = await sql`
    delete from refusal_counts where ctid = any(array(
      select ctid from refusal_counts where starts_at < ${before} limit ${limit} for update skip locked
    ))
  `.execute(db)
  return Number(origins.numAffectedRows ?? 0n) + Number(refusals.numAffectedRows ?? 0n)
}
