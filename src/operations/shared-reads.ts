import DataLoader from 'dataloader'

/** Reads under way at once: while they last, what is asked for gathers for the next one. */
const MAX_READS = 2

/**
 * Answers what is asked for at the same time by one read, and each by a read that began after it was asked: nothing is
 * kept. Under load the reads grow rather than their number, since a row more costs little and a query more costs much.
 * @param read answers in the order asked
 */
export function shareReads<Key, Value>(
  read: (keys: readonly Key[]) => Promise<Value[]>,
  maxBatchSize: number,
): Pick<DataLoader<Key, Value>, 'load'> {
  const gathered: (() => void)[] = []
  let reads = 0

  function readNext(): void {
    while (reads < MAX_READS && gathered.length > 0) gathered.shift()?.()
  }

  return new DataLoader<Key, Value>(
    (keys) => {
      reads++
      return read(keys).finally(() => {
        reads--
        readNext()
      })
    },
    {
      cache: false,
      maxBatchSize,
      batchScheduleFn: (dispatch) => {
        gathered.push(dispatch)
        // After all that has arrived by now: the other requests of this turn join.
        setImmediate(readNext)
      },
    },
  )
}
