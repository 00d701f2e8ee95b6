import { badCursor, type Page } from '../../domain/page.ts'

/** Decodes a cursor. @throws Refusal `invalid` */
export function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const position = Buffer.from(cursor, 'base64url').toString()
  // A cursor of ours decodes and encodes to itself. Node skips characters that it cannot decode.
  if (/[\0\ufffd]/.test(position) || Buffer.from(position).toString('base64url') !== cursor) throw badCursor()
  return position
}

/** A page as JSON. */
export function pageToWire<T, W>({ items, next }: Page<T>, toWire: (item: T) => W) {
  return {
    items: items.map(toWire),
    next_cursor: next === undefined ? null : Buffer.from(next).toString('base64url'),
  }
}
