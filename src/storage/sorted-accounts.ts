import { type RawBuilder, sql } from 'kysely'
import type { AccountFilter, AccountOrder } from '../domain/account-filter.ts'
import { accountConditions } from './account-conditions.ts'
import { executeCancellable } from './cancellable-query.ts'
import type { Database } from './database.ts'

const ORDERS: Readonly<Record<Exclude<AccountOrder, 'name'>, RawBuilder<unknown>>> = {
  newest: sql`a.created_at desc`,
  'last-used': sql`used.at desc nulls last`,
  unused: sql`used.at nulls first`,
}

export interface SortedSearch {
  readonly order: Exclude<AccountOrder, 'name'>
  readonly offset: number
  readonly limit: number
  readonly now: Date
  readonly signal?: AbortSignal | undefined
}

/** client_ids of matching accounts in another order than that of names. Reads and sorts the whole realm. */
export async function sortServiceAccounts(
  db: Database,
  realmId: string,
  filter: AccountFilter,
  { order, offset, limit, now, signal }: SortedSearch,
): Promise<string[]> {
  const conditions = [sql`a.realm_id = ${realmId}::bigint`, ...accountConditions(filter, now)]
  const used = sql`left join lateral (
    select max(used_at) as at from last_uses u where u.realm_id = a.realm_id and u.client_id = a.client_id
  ) used on true`
  const rows = await executeCancellable(
    db,
    sql<{ client_id: string }>`
      select a.client_id from service_accounts a ${order === 'newest' ? sql`` : used}
      where ${sql.join(conditions, sql` and `)}
      order by ${ORDERS[order]}, a.name_key limit ${limit} offset ${offset}
    `,
    signal,
  )
  return rows.map((row) => row.client_id)
}
