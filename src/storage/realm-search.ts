import { sql } from 'kysely'
import { DELETED_REALM_PREFIX, type Realm } from '../domain/realm.ts'
import { executeCancellable } from './cancellable-query.ts'
import type { Database } from './database.ts'
import { isLeakOpen } from './leaked-secrets.ts'
import { REALM_COLUMNS, toRealm } from './realm-rows.ts'

export interface RealmSearch {
  /** Name where the window before ended; empty: from the beginning. */
  readonly after: string
  /** Realms to read at most. */
  readonly rows: number
  readonly limit: number
  /** Part of the name or the display name, whatever its case. */
  readonly contains: string
  readonly signal: AbortSignal | undefined
}

/** Names that match among the next `rows` realms, and the last name read (`undefined` at the end). */
export async function searchRealms(
  db: Database,
  { after, rows, limit, contains, signal }: RealmSearch,
): Promise<{ readonly names: readonly string[]; readonly end: string | undefined }> {
  const found = await executeCancellable(
    db,
    sql<{ name: string; is_end: boolean }>`
      select * from (with scanned as materialized (
        select name, display_name from realms
        where name > ${after} and name not like ${`${DELETED_REALM_PREFIX}%`} order by name limit ${rows}
      )
      (select name, false as is_end from scanned
        where strpos(name, lower(${contains})) > 0 or strpos(lower(display_name), lower(${contains})) > 0
        order by name limit ${limit})
      union all
      select max(name), true from scanned having count(*) = ${rows}) found
    `,
    signal,
  )
  return {
    names: found.filter((row) => !row.is_end).map(({ name }) => name),
    end: found.find((row) => row.is_end)?.name,
  }
}

/** Realms of these names, in order of name. */
export async function findRealmsByName(db: Database, names: readonly string[]): Promise<Realm[]> {
  if (names.length === 0) return []
  const rows = await db
    .selectFrom('realms')
    .select(REALM_COLUMNS)
    .where('name', '=', sql<string>`any(${[...names]}::text[])`)
    .orderBy('name')
    .execute()
  return rows.map(toRealm)
}

/** How many accounts of each realm have a leaked secret that somebody has to do something about. */
export async function countOpenLeaks(
  db: Database,
  realmIds: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ realm_id: string; accounts: string }>`
    select l.realm_id, count(distinct l.client_id) as accounts
    from leaked_secrets l join service_accounts a on a.realm_id = l.realm_id and a.client_id = l.client_id
    where l.realm_id = any(${realmIds}::bigint[]) and 'client_secret' = any (a.auth_methods) and ${isLeakOpen(now)}
    group by l.realm_id
  `.execute(db)
  return new Map(rows.map(({ realm_id: id, accounts }) => [id, Number(accounts)]))
}

/** Finds realms whose key should have been rotated before `due`, and was not. */
export async function findOverdueRotations(
  db: Database,
  realmIds: readonly string[],
  due: Date,
): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('realms')
    .select('id')
    .where('id', '=', sql<string>`any(${[...realmIds]}::bigint[])`)
    .where('rotation_due_at', '<', due)
    .execute()
  return new Set(rows.map(({ id }) => id))
}
