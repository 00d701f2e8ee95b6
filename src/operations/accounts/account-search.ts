import {
  type AccountFilter,
  type AccountOrder,
  isFiltered,
  MAX_SORTED_ACCOUNTS,
} from '../../domain/account-filter.ts'
import { type Page, pageOfRows } from '../../domain/page.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { nameKey, type ServiceAccount } from '../../domain/service-account.ts'
import { findFewCandidates } from '../../storage/account-conditions.ts'
import { isByNameAlone, searchServiceAccounts } from '../../storage/account-search.ts'
import type { Database } from '../../storage/database.ts'
import { isStatementTimeout } from '../../storage/database-error.ts'
import {
  findServiceAccountsByClientId,
  findServiceAccountsByNameKey,
  listServiceAccounts,
} from '../../storage/service-accounts.ts'
import { type SortedSearch, sortServiceAccounts } from '../../storage/sorted-accounts.ts'
import { searchBounded } from '../bounded-search.ts'

export interface ServiceAccountFilter extends AccountFilter {
  /** The `next` of the page before; empty: from the beginning. */
  readonly after: string
  readonly limit: number
  /** Default: `name`. */
  readonly order?: AccountOrder | undefined
  /** Aborts when the client has left. */
  readonly signal?: AbortSignal | undefined
}

/** Accounts that the queries of one request read, a few first: a common word is found among them. None takes long. */
const NAME_WINDOWS = [1000, 10_000, ...Array<number>(10).fill(100_000)]
/** Each account is read whole. */
const ACCOUNT_WINDOWS = [1000, 5000, ...Array<number>(8).fill(25_000)]
/** Each account costs a look-up of its last use or its secrets. */
const LOOK_UP_WINDOWS = [200, 2000, ...Array<number>(10).fill(7500)]
/** Where an index finds no more than these, they are searched instead of the realm. */
const MAX_CANDIDATES = 5000

/** A page in order of name. With a filter it may have fewer accounts than its limit, and still a next page. */
export async function pageOfServiceAccounts(
  db: Database,
  { id: realmId, serviceAccountCount }: Pick<Realm, 'id' | 'serviceAccountCount'>,
  { after, limit, signal, order = 'name', ...filter }: ServiceAccountFilter,
  now: Date,
): Promise<Page<ServiceAccount>> {
  if (order !== 'name') {
    if (serviceAccountCount > MAX_SORTED_ACCOUNTS)
      throw new Refusal(
        'invalid',
        `More than ${MAX_SORTED_ACCOUNTS} accounts are listed by name alone.`,
        'order',
      )
    return sortedPage(db, realmId, filter, { order, after, limit, now, signal })
  }
  const positionOf = ({ name }: ServiceAccount) => nameKey(name)
  if (!isFiltered(filter)) {
    const rows = await listServiceAccounts(db, realmId, { after, limit: limit + 1 })
    return pageOfRows(rows, limit, positionOf)
  }
  const windows = windowsOf(filter)
  let candidates: ReturnType<typeof fewCandidates> | undefined
  return searchBounded({
    after,
    limit,
    signal,
    positionOf,
    windows,
    async read(position, rows, wanted) {
      // What is common is found in the first window, without an index.
      if (rows !== windows[0]) candidates ??= fewCandidates(db, realmId, filter, now)
      const among = await candidates
      const window = among ? MAX_CANDIDATES + 1 : rows
      const search = { after: position, rows: window, limit: wanted, filter, now, among, signal }
      const { keys, end } = await searchServiceAccounts(db, realmId, search)
      return { hits: await findServiceAccountsByNameKey(db, realmId, keys), end }
    },
  })
}

/** A page by its number of the first row. */
async function sortedPage(
  db: Database,
  realmId: string,
  filter: AccountFilter,
  { after, limit, ...search }: Omit<SortedSearch, 'offset'> & { readonly after: string },
): Promise<Page<ServiceAccount>> {
  const offset = /^\d{1,6}$/.test(after) ? Number(after) : 0
  const ids = await sortServiceAccounts(db, realmId, filter, { ...search, offset, limit: limit + 1 })
  const accounts = await findServiceAccountsByClientId(db, realmId, ids)
  const byId = new Map(accounts.map((account) => [account.clientId, account]))
  const items = ids.slice(0, limit).flatMap((id) => byId.get(id) ?? [])
  return { items, next: ids.length > limit ? String(offset + limit) : undefined }
}

function windowsOf(filter: AccountFilter): readonly number[] {
  if (isByNameAlone(filter)) return NAME_WINDOWS
  const { isRotating, isLeaked, unusedSince } = filter
  const looksUp = isRotating !== undefined || isLeaked !== undefined || unusedSince !== undefined
  return looksUp ? LOOK_UP_WINDOWS : ACCOUNT_WINDOWS
}

/** Where an index is too slow, the realm is read in order of name as without it. */
function fewCandidates(db: Database, realmId: string, filter: AccountFilter, now: Date) {
  return findFewCandidates(db, realmId, filter, { now, most: MAX_CANDIDATES }).catch((error: unknown) => {
    if (!isStatementTimeout(error)) throw error
    return undefined
  })
}
