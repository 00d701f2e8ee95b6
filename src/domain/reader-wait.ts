/** A node that reads a standby, as its row on the primary says. */
export interface Reader {
  readonly id: string
  /** Its newest beat. */
  readonly beat: number
  /** What was committed before this beat is in all its reads by now. */
  readonly covered: number
  readonly leaseMilliseconds: number
}

/** Steady clocks of two machines may differ by a quarter of their speed. */
const CLOCK_RATE = 1.25

/** How long a change waits for a node that reads a standby, at most: then that node has fenced itself. */
export function fenceMilliseconds(leaseMilliseconds: number): number {
  return leaseMilliseconds * CLOCK_RATE
}

/**
 * Which of the readers that were there after a change a caller still has to wait for before it answers.
 * @param readers as they were read first, after the change was committed
 * @param now as they are now
 * @param elapsedMilliseconds since the change was committed, by the own clock
 */
export function awaitedReaders(
  readers: readonly Reader[],
  now: readonly Reader[],
  elapsedMilliseconds: number,
): readonly Reader[] {
  const present = new Map(now.map((reader) => [reader.id, reader]))
  return readers.filter(({ id, beat, leaseMilliseconds }) => {
    const found = present.get(id)
    // A beat above the one read first was committed after the change.
    return found && found.covered <= beat && elapsedMilliseconds < fenceMilliseconds(leaseMilliseconds)
  })
}
