import { sql } from 'kysely'
import { nameKey } from '../domain/service-account.ts'
import { executeCancellable } from './cancellable-query.ts'
import type { Database } from './database.ts'

export interface AccountSearch {
  /** Name key where the window before ended; empty: from the beginning. */
  readonly after: string
  /** Accounts to read at most. */
  readonly rows: number
  readonly limit: number
  /** Part of the name, whatever its case. */
  readonly nameContains?: string | undefined
  /** Neither used nor created since then. */
  readonly unusedSince?: Date | undefined
  readonly signal?: AbortSignal | undefined
}

/** Name keys that match among the next `rows` accounts, and the last key read (`undefined` at the end of the realm). */
export async function searchServiceAccounts(
  db: Database,
  realmId: string,
  { after, rows, limit, nameContains, unusedSince, signal }: AccountSearch,
): Promise<{ readonly keys: readonly string[]; readonly end: string | undefined }> {
  // By name alone, the index on names answers without the accounts.
  const window =
    unusedSince === undefined
      ? sql`select name_key from service_accounts`
      : sql`select name_key, client_id, created_at from service_accounts`
  const matches = [
    ...(nameContains === undefined ? [] : [sql`position(${nameKey(nameContains)} in name_key) > 0`]),
    ...(unusedSince === undefined ? [] : [unusedSinceThen(realmId, unusedSince)]),
  ]
  const found = await executeCancellable(
    db,
    sql<{ name_key: string; is_end: boolean }>`
      select * from (with scanned as materialized (
        ${window} where realm_id = ${realmId}::bigint and name_key > ${after} order by name_key limit ${rows}
      )
      (select name_key, false as is_end from scanned where ${sql.join(matches, sql` and `)} order by name_key limit ${limit})
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

/** One lookup per account: an index on the time of last uses would make each write of a use more expensive. */
function unusedSinceThen(realmId: string, then: Date) {
  return sql`coalesce((
    select max(used_at) from last_uses u where u.realm_id = ${realmId}::bigint and u.client_id = scanned.client_id
  ), created_at) < ${then}`
}
