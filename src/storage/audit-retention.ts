import { type RawBuilder, sql } from 'kysely'
import pg from 'pg'
import { type AuditPartition, inOwnTransaction } from './audit-partitions.ts'
import type { Database } from './database.ts'

/** Realms whose retention one query reads. */
const REALMS = 1000

/** Retention of a realm that has events. */
export interface TrailRetention {
  /** `undefined`: the platform. */
  readonly realmId: string | undefined
  /** `undefined`: as the platform. */
  readonly days: number | undefined
}

/** Events of a realm that are too old. */
export interface ExpiredTrail {
  readonly realmId: string | undefined
  readonly before: Date
}

/** Returns whether this role may delete from the trail. With docs/database-roles.sql the server's role may not. */
export async function mayDeleteAuditEvents(db: Database): Promise<boolean> {
  const { rows } = await sql<{
    may: boolean
  }>`select has_table_privilege('audit_events', 'delete') as may`.execute(db)
  return rows[0]?.may === true
}

/** Returns the shortest retention that a realm has of its own; `undefined`: none has one. */
export async function shortestRetention(db: Database): Promise<number | undefined> {
  const { rows } = await sql<{ days: number | null }>`select least(
    (select min(audit_retention_days) from realms), (select min(audit_retention_days) from deleted_realms)) as days`.execute(
    db,
  )
  return rows[0]?.days ?? undefined
}

/** The next realms that a partition has events of, in order of their ids, and whether there may be more. The platform is first. */
export async function listTrails(
  db: Database,
  { name }: AuditPartition,
  after: string | undefined,
): Promise<{ trails: TrailRetention[]; end: string | undefined }> {
  const part = sql.table(name)
  const { rows } = await sql<{ id: string | null; days: number | null }>`
    with recursive found(id) as (
      (select realm_id from ${part} where realm_id > ${after ?? '0'}::bigint order by realm_id limit 1)
      union all
      select (select realm_id from ${part} where realm_id > found.id order by realm_id limit 1) from found where found.id is not null
    ), those as (select id from found where id is not null limit ${REALMS})
    select s.id, coalesce(r.audit_retention_days, d.audit_retention_days) as days
    from those s left join realms r on r.id = s.id left join deleted_realms d on d.id = s.id
    union all
    select null, null where ${after === undefined} and exists (select from ${part} where realm_id is null)
  `.execute(db)
  const trails = rows.map(({ id, days }) => ({ realmId: id ?? undefined, days: days ?? undefined }))
  const realms = trails.map(({ realmId }) => realmId).filter((id) => id !== undefined)
  return { trails, end: realms.length === REALMS ? lastOf(realms) : undefined }
}

function lastOf(ids: readonly string[]): string | undefined {
  return ids.reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b))
}

/** Deletes at most `limit` events of a partition. Several nodes may do so at once. Returns the number. */
export async function deleteExpiredEvents(
  db: Database,
  { name }: AuditPartition,
  expired: readonly ExpiredTrail[],
  limit: number,
): Promise<number> {
  const part = sql.table(name)
  const realms = expired.filter(({ realmId }) => realmId !== undefined)
  const ids = realms.map(({ realmId }) => realmId)
  const times = realms.map(({ before }) => before)
  const due = sql`select * from unnest(${ids}::bigint[], ${times}::timestamptz[]) d(realm_id, before)`
  const deleted = await deleteDue(db, part, { due, ofRealm: sql`e.realm_id = d.realm_id`, limit })
  const own = expired.find(({ realmId }) => realmId === undefined)
  if (!own || deleted >= limit) return deleted
  const ofPlatform = {
    due: sql`select ${own.before}::timestamptz as before`,
    ofRealm: sql`e.realm_id is null`,
  }
  return deleted + (await deleteDue(db, part, { ...ofPlatform, limit: limit - deleted }))
}

interface Due {
  readonly due: RawBuilder<unknown>
  readonly ofRealm: RawBuilder<unknown>
  readonly limit: number
}

/** Goes by the index: the actions of each realm, and of each action its oldest events. */
async function deleteDue(
  db: Database,
  part: RawBuilder<unknown>,
  { due, ofRealm, limit }: Due,
): Promise<number> {
  const first = (more: RawBuilder<unknown>) => sql`(select e.action from ${part} e
    where ${ofRealm} and ${more} order by e.realm_id, e.action limit 1)`
  const { numAffectedRows = 0n } = await sql`delete from ${part} where ctid = any(array(
    select x.ctid from (${due}) d cross join lateral (
      with recursive kinds(action) as (
        ${first(sql`true`)} union all
        select ${first(sql`e.action > kinds.action`)} from kinds where kinds.action is not null)
      select old.ctid from kinds cross join lateral (
        select e.ctid from ${part} e where ${ofRealm} and e.action = kinds.action and e.occurred_at < d.before
        limit ${limit}) old
    ) x limit ${limit}))`.execute(db)
  return Number(numAffectedRows)
}

/** Whether an error says that a table is missing, and this partition is. */
export async function isWithoutPartition(
  db: Database,
  { name }: AuditPartition,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof pg.DatabaseError && error.code === '42P01')) return false
  const { rows } = await sql<{ gone: boolean }>`
    select to_regclass(${pg.escapeIdentifier(name)}) is null as gone`.execute(db)
  return rows[0]?.gone === true
}

/**
 * Drops a partition with all of its events. Returns how many there were; `undefined`: this role does not own it, or others
 * use the trail without a pause, so that it has to be tried again.
 */
export async function dropPartition(db: Database, { name }: AuditPartition): Promise<number | undefined> {
  const table = pg.escapeIdentifier(name)
  return inOwnTransaction(db, async (client) => {
    const { rows } = await client.query<{ mine: boolean }>(
      `select pg_has_role(relowner, 'usage') as mine from pg_class where oid = to_regclass($1)`,
      [table],
    )
    if (rows[0]?.mine !== true) return undefined
    const counted = await client.query<{ count: string }>(`select count(*) from ${table}`)
    await client.query(`drop table ${table}`)
    return Number(counted.rows[0]?.count)
  })
}
