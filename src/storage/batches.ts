/** Accounts, or grants, per statement: few enough to finish well within statement_timeout. */
const BATCH = 2000

export function* batchesOf<T>(all: readonly T[]): Generator<T[]> {
  for (let start = 0; start < all.length; start += BATCH) yield all.slice(start, start + BATCH)
}
