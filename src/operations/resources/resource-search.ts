import { badCursor, type Page, pageOfRows } from '../../domain/page.ts'
import type { ProtectedResource, ResourceKey } from '../../domain/protected-resource.ts'
import type { Database } from '../../storage/database.ts'
import { listProtectedResources, searchProtectedResources } from '../../storage/protected-resources.ts'
import { searchBounded } from '../bounded-search.ts'

export interface ProtectedResourceFilter {
  /** The `next` of the page before; `undefined`: from the beginning. */
  readonly after?: string | undefined
  readonly limit: number
  readonly type?: string | undefined
  /** Part of the name or the id, whatever its case. */
  readonly contains?: string | undefined
  /** Only what is in this group. */
  readonly group?: ResourceKey | undefined
  /** Aborts when the client has left. */
  readonly signal?: AbortSignal | undefined
}

/** Resources that the queries of one request read, a few first: a common word is found among them. None takes long. */
const WINDOWS = [1000, 4000, ...Array<number>(15).fill(15_000)]

/**
 * A page in order of type and id. With `contains` it may have fewer resources than its limit, and still a next page.
 * @throws Refusal `invalid`
 */
export async function pageOfProtectedResources(
  db: Database,
  realmId: string,
  { after = '', limit, type, contains, group, signal }: ProtectedResourceFilter,
): Promise<Page<ProtectedResource>> {
  const start = after === '' ? undefined : parsePosition(after)
  if (contains === undefined && group === undefined) {
    const rows = await listProtectedResources(db, realmId, { after: start, limit: limit + 1, type })
    return pageOfRows(rows, limit, toPosition)
  }
  return searchBounded<ProtectedResource>({
    after,
    limit,
    signal,
    positionOf: toPosition,
    // Without a text, all that is read is found.
    windows: contains === undefined ? [limit + 1] : WINDOWS,
    async read(position, rows, wanted) {
      const search = {
        after: position === '' ? undefined : parsePosition(position),
        rows,
        limit: wanted,
        type,
        contains: contains ?? '',
        group,
        signal,
      }
      const { hits, end } = await searchProtectedResources(db, realmId, search)
      return { hits, end: end && toPosition(end) }
    },
  })
}

function toPosition({ type, id }: ResourceKey): string {
  return `${type}/${id}`
}

/** A type has no slash: the first one parts it from the id. */
function parsePosition(text: string): ResourceKey {
  const [, type, id] = /^([^/]+)\/(.+)$/.exec(text) ?? []
  if (type === undefined || id === undefined) throw badCursor()
  return { type, id }
}
