import { Refusal } from './refusal.ts'

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Start of the next page; `undefined`: this is the last one. */
  readonly next: string | undefined
}

/**
 * The page that rows make which were read with a limit of one more: that one only tells that there is a next page.
 * @param cursorOf where the page after this row begins
 */
export function pageOfRows<T>(rows: readonly T[], limit: number, cursorOf: (last: T) => string): Page<T> {
  if (rows.length <= limit) return { items: rows, next: undefined }
  const items = rows.slice(0, limit)
  return { items, next: cursorOf(items.at(-1) as T) }
}

/** The refusal of a cursor that the list did not give out. */
export function badCursor(): Refusal {
  return new Refusal('invalid', 'The cursor does not belong to this list.', 'cursor')
}
