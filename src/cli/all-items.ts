import type { Page } from '../domain/page.ts'

/** The items of all pages of a list, or the first of them. */
export async function allItems<T>(
  read: (after: string | undefined) => Promise<Page<T>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const all: T[] = []
  let after: string | undefined
  do {
    const page: Page<T> = await read(after)
    all.push(...page.items)
    after = page.next
  } while (after !== undefined && all.length < limit)
  return all.slice(0, limit)
}
