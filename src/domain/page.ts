/** Part of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Where the next page begins; `undefined`: there is none. */
  readonly next: string | undefined
}
