import { type Page, pageOfRows } from '../../domain/page.ts'
import { nameKey, type ServiceAccount } from '../../domain/service-account.ts'
import { searchServiceAccounts } from '../../storage/account-search.ts'
import type { Database } from '../../storage/database.ts'
import { findServiceAccountsByNameKey, listServiceAccounts } from '../../storage/service-accounts.ts'
import { searchBounded } from '../bounded-search.ts'

export interface ServiceAccountFilter {
  /** The `next` of the page before; empty: from the beginning. */
  readonly after: string
  readonly limit: number
  /** Part of the name, whatever its case. */
  readonly nameContains?: string | undefined
  /** Neither used nor created since then. */
  readonly unusedSince?: Date | undefined
  /** Aborts when the client has left. */
  readonly signal?: AbortSignal | undefined
}

/** Accounts that one request reads at most, a few first: a common word is found among them. */
const NAME_WINDOWS = [1000, 10_000, 89_000, 300_000, 600_000]
/** Each account costs a look-up of its last use. */
const LAST_USE_WINDOWS = [500, 2000, 7500, 20_000, 50_000]

/** A page in order of name. With a filter it may have fewer accounts than its limit, and still a next page. */
export async function pageOfServiceAccounts(
  db: Database,
  realmId: string,
  filter: ServiceAccountFilter,
): Promise<Page<ServiceAccount>> {
  const { after, limit, nameContains, unusedSince, signal } = filter
  const positionOf = ({ name }: ServiceAccount) => nameKey(name)
  if (nameContains === undefined && unusedSince === undefined) {
    const rows = await listServiceAccounts(db, realmId, { after, limit: limit + 1 })
    return pageOfRows(rows, limit, positionOf)
  }
  return searchBounded({
    after,
    limit,
    signal,
    positionOf,
    windows: unusedSince === undefined ? NAME_WINDOWS : LAST_USE_WINDOWS,
    async read(position, rows, wanted) {
      const search = { after: position, rows, limit: wanted, nameContains, unusedSince, signal }
      const { keys, end } = await searchServiceAccounts(db, realmId, search)
      return { hits: await findServiceAccountsByNameKey(db, realmId, keys), end }
    },
  })
}
