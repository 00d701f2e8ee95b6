/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Start of the next page; `undefined`: this is the last one. */
  readonly next: string | undefined
}
