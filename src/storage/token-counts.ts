import { type Selectable, sql } from 'kysely'
import { type ClientCount, type Period, startOf, type TokenCount } from '../domain/activity.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { TokenCountRow } from './token-tables.ts'

/** An account, or with an empty client_id a realm. */
export interface CountOwner {
  readonly realmId: string
  readonly clientId: string
}

/** Tokens and refusals of one hour. */
export interface NotedCount extends CountOwner, TokenCount {}

/**
 * Adds counts to hour and day in one statement. Ignores accounts that do not exist; an empty client_id is the realm. "offset 0":
 * each is looked up once, and no table read whole.
 */
export async function addTokenCounts(trx: DatabaseTransaction, counts: readonly NotedCount[]): Promise<void> {
  const column = <K extends keyof NotedCount>(name: K) => counts.map((count) => count[name])
  await sql`
    insert into token_counts as c (realm_id, client_id, period, starts_at, issued, refused, magnitude)
    select realm_id, client_id, period, starts_at, issued, refused,
      case when period = 'day' and client_id <> '' then ${sql.raw(magnitudeOf('s.issued'))} end
    from (select realm_id, client_id, p.period, p.starts_at, sum(issued) as issued, sum(refused) as refused from (
      select * from unnest(
        ${column('realmId')}::bigint[], ${column('clientId')}::text[], ${column('startsAt')}::timestamptz[],
        ${counts.map(({ startsAt }) => startOf('day', startsAt))}::timestamptz[],
        ${column('issued')}::bigint[], ${column('refused')}::bigint[]
      ) as u(realm_id, client_id, hour, day, issued, refused)
      where case when u.client_id = '' then exists (select from realms r where r.id = u.realm_id offset 0)
        else exists (
          select from service_accounts a where a.realm_id = u.realm_id and a.client_id = u.client_id offset 0
        ) end
      offset 0
    ) n cross join lateral (values ('hour', n.hour), ('day', n.day)) p(period, starts_at)
    group by realm_id, client_id, p.period, p.starts_at) s
    -- In one order, so that two nodes wait for each other rather than deadlock.
    order by realm_id, client_id, period, starts_at
    on conflict (realm_id, client_id, period, starts_at) do update
    set issued = c.issued + excluded.issued, refused = c.refused + excluded.refused,
      magnitude = case when c.period = 'day' and c.client_id <> ''
        then ${sql.raw(magnitudeOf('(c.issued + excluded.issued)'))} end
  `.execute(trx)
}

/** Which 4 % a count is in; null: fewer than 128. The index of the busiest changes with it alone. */
export function magnitudeOf(issued: string): string {
  return `case when ${issued} >= 128 then floor(ln(${issued}::float8) / ln(1.04::float8))::smallint end`
}

/** Lists the counts of an account, or of the realm if client_id is empty; the oldest first. */
export async function listTokenCounts(
  db: Database,
  { realmId, clientId }: CountOwner,
  period: Period,
  since: Date,
): Promise<TokenCount[]> {
  const rows = await db
    .selectFrom('token_counts')
    .select(['starts_at', 'issued', 'refused'])
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('period', '=', period)
    .where('starts_at', '>=', since)
    .orderBy('starts_at')
    .execute()
  return rows.map(toCount)
}

/** Counts compared at most to find the busiest: those of more accounts differ by 4 % at most. */
const COMPARED = 10_000

/** Accounts with the most tokens of a day, the busiest first. */
export async function listBusiestClients(
  db: Database,
  realmId: string,
  { day, limit }: { readonly day: Date; readonly limit: number },
): Promise<ClientCount[]> {
  const busy = sql`token_counts where realm_id = ${realmId}::bigint and starts_at = ${day} and magnitude is not null`
  const inOrder = sql`order by issued desc, client_id limit ${limit}`
  const { rows } = await sql<ClientRow>`
    select client_id, starts_at, issued, refused from (
      select * from ${busy} and magnitude >= (
        select magnitude from ${busy} order by magnitude desc offset ${limit - 1} limit 1
      ) order by magnitude desc limit ${COMPARED}
    ) c ${inOrder}`.execute(db)
  if (rows.length === limit) return rows.map(toClientCount)
  // Few have a magnitude: those without one are compared too.
  const all = await sql<ClientRow>`select client_id, starts_at, issued, refused from token_counts
    where realm_id = ${realmId}::bigint and period = 'day' and starts_at = ${day} and client_id <> '' ${inOrder}`.execute(
    db,
  )
  return all.rows.map(toClientCount)
}

type ClientRow = Pick<Selectable<TokenCountRow>, 'client_id' | 'starts_at' | 'issued' | 'refused'>

function toClientCount(row: ClientRow): ClientCount {
  return { clientId: row.client_id, ...toCount(row) }
}

/** Reads what accounts and realms were issued in the present hour and day, in the order given. */
export async function readTokenCounts(
  db: Database,
  owners: readonly CountOwner[],
  now: Date,
): Promise<Readonly<Record<Period, { readonly startsAt: number; readonly issued: number }>>[]> {
  const starts = { hour: startOf('hour', now), day: startOf('day', now) }
  const { rows } = await sql<{ hour: string; day: string }>`
    select ${issuedIn('hour', starts.hour)}, ${issuedIn('day', starts.day)}
    from unnest(
      ${owners.map(({ realmId }) => realmId)}::bigint[], ${owners.map(({ clientId }) => clientId)}::text[]
    ) with ordinality as o(realm_id, client_id, n)
    order by n
  `.execute(db)
  return rows.map(({ hour, day }) => ({
    hour: { startsAt: starts.hour.getTime(), issued: Number(hour) },
    day: { startsAt: starts.day.getTime(), issued: Number(day) },
  }))
}

function issuedIn(period: Period, startsAt: Date) {
  return sql`coalesce((
    select issued from token_counts c where c.realm_id = o.realm_id and c.client_id = o.client_id
      and c.period = ${period} and c.starts_at = ${startsAt}
  ), 0)::text as ${sql.ref(period)}`
}

/** Returns how many, at most as many as `limit`. */
export async function deleteTokenCountsBefore(
  db: Database,
  period: Period,
  before: Date,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from token_counts where ctid = any(array(
      select ctid from token_counts where period = ${period} and starts_at < ${before}
      limit ${limit} for update skip locked
    ))
  `.execute(db)
  return Number(numAffectedRows)
}

function toCount(row: { starts_at: Date; issued: string; refused: string }): TokenCount {
  return { startsAt: row.starts_at, issued: Number(row.issued), refused: Number(row.refused) }
}
