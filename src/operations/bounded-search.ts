import { OAuthError } from '../domain/oauth-error.ts'
import { type Page, pageOfRows } from '../domain/page.ts'

/** Part of a list that one query reads. */
export interface SearchWindow<T> {
  readonly hits: readonly T[]
  /** Start of the next window; `undefined`: end of the list. */
  readonly end: string | undefined
}

export interface BoundedSearch<T> {
  /** Rows that each query reads at most; together the most that a request reads. */
  readonly windows: readonly number[]
  readonly after: string
  readonly limit: number
  readonly signal: AbortSignal | undefined
  read(after: string, rows: number, limit: number): Promise<SearchWindow<T>>
  positionOf(hit: T): string
}

/**
 * Searches a list that no index helps to search. Reads a bounded number of rows, so a page may have fewer hits than its
 * limit and still a next page.
 * @throws OAuthError `temporarily_unavailable` once the client has left
 */
export async function searchBounded<T>(search: BoundedSearch<T>): Promise<Page<T>> {
  const { windows, limit, signal } = search
  const items: T[] = []
  let position = search.after
  for (const rows of windows) {
    // Reads one more than the page holds, to know whether there is a next page.
    const wanted = limit + 1 - items.length
    const { hits, end } = await search.read(position, rows, wanted).catch((error: unknown) => {
      if (!signal?.aborted) throw error
      throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'the client left')
    })
    items.push(...hits)
    if (items.length > limit || end === undefined) return pageOfRows(items, limit, search.positionOf)
    position = end
  }
  return { items, next: position }
}
