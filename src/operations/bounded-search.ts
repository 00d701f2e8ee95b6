import { OAuthError } from '../domain/oauth-error.ts'
import { type Page, pageOfRows } from '../domain/page.ts'
import { isDatabaseAway } from '../storage/database-error.ts'

/** Part of a list that one query reads. */
export interface SearchWindow<T> {
  readonly hits: readonly T[]
  /** Start of the next window; `undefined`: end of the list. */
  readonly end: string | undefined
}

export interface BoundedSearch<T> {
  /** Maximum of rows of each query; together the maximum of a request. */
  readonly windows: readonly number[]
  readonly after: string
  readonly limit: number
  readonly signal: AbortSignal | undefined
  read(after: string, rows: number, limit: number): Promise<SearchWindow<T>>
  positionOf(hit: T): string
}

/** No further query begins after this time: who waits sees what was found so far, and may go on. */
const BUDGET_MILLISECONDS = 150

/**
 * Searches a list that no index helps to search. Reads a bounded number of rows in a bounded time, so a page may have
 * fewer hits than its limit and still a next page.
 * @throws OAuthError `temporarily_unavailable` once the client has left
 */
export async function searchBounded<T>(search: BoundedSearch<T>): Promise<Page<T>> {
  const { windows, limit, signal } = search
  const items: T[] = []
  let position = search.after
  const started = performance.now()
  for (const [index, rows] of windows.entries()) {
    if (index > 0 && performance.now() - started > BUDGET_MILLISECONDS) break
    // Reads one more than the page holds, to know whether there is a next page.
    const wanted = limit + 1 - items.length
    const found = await search.read(position, rows, wanted).catch((error: unknown) => {
      if (signal?.aborted)
        throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the client left')
      // A large window may be too slow on a busy machine: the next page begins with a small one.
      if (index === 0 || !isDatabaseAway(error)) throw error
    })
    if (!found) break
    const { hits, end } = found
    items.push(...hits)
    if (items.length > limit || end === undefined) return pageOfRows(items, limit, search.positionOf)
    position = end
  }
  return { items, next: position }
}
