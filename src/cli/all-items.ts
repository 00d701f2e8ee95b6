import type { Page } from '../domain/page.ts'

/** The items of all pages of a list. */
export async function allItems<T>(read: (after: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = []
  let after: string | undefined
  do {
    const page: Page<T> = await read(after)
    all.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return all
}
