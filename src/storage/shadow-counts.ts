import { sql } from 'kysely'
import type { ShadowCount, ShadowReason } from '../domain/shadow.ts'
import type { Database, DatabaseTransaction } from './database.ts'

export interface NotedShadow extends ShadowCount {
  /** Stored instead of the client_id where no account has that. */
  readonly strangerId: string
}

/** Adds counts of one realm in one statement. Strangers beyond the limit share a row without a client_id. */
export async function addShadowCounts(
  db: Database,
  realmId: string,
  noted: readonly NotedShadow[],
  maxStrangers: number,
): Promise<void> {
  const column = <K extends keyof NotedShadow>(name: K) => noted.map((one) => one[name])
  await sql`
    with sent as (
      select n.*, exists (
        select from service_accounts a where a.realm_id = ${realmId} and a.client_id = n.client_id
      ) as known
      from unnest(${column('clientId')}::text[], ${column('strangerId')}::text[], ${column('reason')}::text[],
        ${column('count')}::bigint[], ${column('firstAt')}::timestamptz[], ${column('lastAt')}::timestamptz[]
      ) as n(client_id, stranger_id, reason, count, first_at, last_at)
    ), named as (
      select *, case when known then client_id else stranger_id end as name from sent
    ), strangers as (
      select name, reason, row_number() over (order by name, reason) as n
      from (select distinct name, reason from named where not known) as d
      where not exists (
        select from shadow_counts c where c.realm_id = ${realmId} and c.client_id = d.name and c.reason = d.reason
      )
    ), placed as (
      select named.*, case
        when s.n > ${maxStrangers} - (select count(*) from shadow_counts where realm_id = ${realmId} and not known)
        then '' else named.name end as placed_name
      from named left join strangers s on s.name = named.name and s.reason = named.reason and not named.known
    )
    insert into shadow_counts as c (realm_id, client_id, reason, known, count, first_at, last_at)
    select ${realmId}::bigint, placed_name, reason, bool_or(known), sum(count), min(first_at), max(last_at)
    from placed
    where exists (select from realms where id = ${realmId})
    group by placed_name, reason
    -- In one order, so that two nodes wait for each other rather than deadlock.
    order by placed_name, reason
    on conflict (realm_id, client_id, reason) do update
    set count = c.count + excluded.count, last_at = greatest(c.last_at, excluded.last_at)
  `.execute(db)
}

export interface ShadowTotal {
  readonly reason: ShadowReason
  readonly count: number
  /** Different client_ids. */
  readonly clients: number
  readonly since: Date
}

export async function listShadowTotals(db: Database, realmId: string): Promise<ShadowTotal[]> {
  const { rows } = await sql<{ reason: string; count: string; clients: string; since: Date }>`
    select reason, sum(count)::text as count, count(*)::text as clients, min(first_at) as since
    from shadow_counts where realm_id = ${realmId} group by reason order by sum(count) desc, reason
  `.execute(db)
  return rows.map(({ reason, count, clients, since }) => ({
    reason: reason as ShadowReason,
    count: Number(count),
    clients: Number(clients),
    since,
  }))
}

/** What would have failed, the most frequent first. */
export async function listRefusedShadows(
  db: Database,
  realmId: string,
  limit: number,
): Promise<ShadowCount[]> {
  const { rows } = await sql<{
    client_id: string
    reason: string
    count: string
    first_at: Date
    last_at: Date
  }>`
    select client_id, reason, count::text, first_at, last_at from shadow_counts
    where realm_id = ${realmId} and reason <> 'issued'
    order by shadow_counts.count desc, client_id, reason limit ${limit}
  `.execute(db)
  return rows.map((row) => ({
    clientId: row.client_id,
    reason: row.reason as ShadowReason,
    count: Number(row.count),
    firstAt: row.first_at,
    lastAt: row.last_at,
  }))
}

export async function deleteShadowCounts(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await sql`delete from shadow_counts where realm_id = ${realmId}`.execute(trx)
}
