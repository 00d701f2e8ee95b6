import { type RawBuilder, sql } from 'kysely'
import { type AccountFilter, isFiltered } from '../domain/account-filter.ts'
import { accountConditions, CONDITION_COLUMNS } from './account-conditions.ts'
import { executeCancellable } from './cancellable-query.ts'
import type { Database } from './database.ts'

export interface AccountSearch {
  /** Name key where the window before ended; empty: from the beginning. */
  readonly after: string
  /** Accounts to read at most. */
  readonly rows: number
  readonly limit: number
  readonly filter: AccountFilter
  readonly now: Date
  /** client_ids to search; `undefined`: all of the realm. */
  readonly among?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Name keys that match among the next `rows` accounts, and the last key read (`undefined` at the end of the realm). */
export async function searchServiceAccounts(
  db: Database,
  realmId: string,
  { after, rows, limit, filter, now, among, signal }: AccountSearch,
): Promise<{ readonly keys: readonly string[]; readonly end: string | undefined }> {
  const found = await executeCancellable(
    db,
    sql<{ name_key: string; is_end: boolean }>`
      select * from (with scanned as materialized (
        ${windowOf(realmId, filter, among)} and name_key > ${after} order by name_key limit ${rows}
      )
      (select name_key, false as is_end from scanned a
        where ${sql.join(accountConditions(filter, now), sql` and `)} order by name_key limit ${limit})
      union all
      select max(name_key), true from scanned having count(*) = ${rows}) found
    `,
    signal,
  )
  return {
    keys: found.filter((row) => !row.is_end).map((row) => row.name_key),
    end: found.find((row) => row.is_end)?.name_key,
  }
}

function windowOf(
  realmId: string,
  filter: AccountFilter,
  among: readonly string[] | undefined,
): RawBuilder<unknown> {
  // One look-up by primary key for each; "offset 0" keeps PostgreSQL from reading the realm in order of name.
  if (among)
    return sql`select found.* from unnest(${among}::text[]) c(id) cross join lateral (
      select ${CONDITION_COLUMNS} from service_accounts where realm_id = ${realmId}::bigint and client_id = c.id offset 0
    ) found where true`
  // By name alone, the index on names answers without the accounts.
  const columns = isByNameAlone(filter) ? sql`name_key` : CONDITION_COLUMNS
  return sql`select ${columns} from service_accounts where realm_id = ${realmId}::bigint`
}

export function isByNameAlone({ nameContains: _name, ...others }: AccountFilter): boolean {
  return !isFiltered(others)
}
