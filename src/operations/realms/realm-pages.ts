import { type Page, pageOfRows } from '../../domain/page.ts'
import type { Realm } from '../../domain/realm.ts'
import type { Database } from '../../storage/database.ts'
import { findRealmsByName, searchRealms } from '../../storage/realm-search.ts'
import { listRealms } from '../../storage/realms.ts'
import { searchBounded } from '../bounded-search.ts'

export interface RealmsAsked {
  readonly after: string
  readonly limit: number
  /** Part of the name or the display name, whatever its case; empty: all. */
  readonly search?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Realms that one request reads at most, a few first. */
const WINDOWS = [1000, 10_000, 90_000]

/** All realms in order of name. With a search a page may have fewer realms than its limit, and still a next page. */
export async function pageOfRealms(
  db: Database,
  { after, limit, search = '', signal }: RealmsAsked,
): Promise<Page<Realm>> {
  const positionOf = ({ name }: Realm) => name
  if (search === '') return pageOfRows(await listRealms(db, after, limit + 1), limit, positionOf)
  return searchBounded({
    after,
    limit,
    signal,
    positionOf,
    windows: WINDOWS,
    async read(position, rows, wanted) {
      const asked = { after: position, rows, limit: wanted, contains: search, signal }
      const { names, end } = await searchRealms(db, asked)
      return { hits: await findRealmsByName(db, names), end }
    },
  })
}

/** The same rule, for a realm that has been read. */
export function isRealmFound({ name, displayName }: Realm, search = ''): boolean {
  const wanted = search.toLowerCase()
  return name.includes(wanted) || displayName.toLowerCase().includes(wanted)
}
