import DataLoader from 'dataloader'

/** Reads under way at once: while they last, what is asked for gathers for the next one. */
const MAX_READS = 2

/** As many as that where reads are full: then it is the database that takes its time, or a crowd that asks. */
const MAX_FULL_READS = 5

/** How long who asks waits for the database, unless it is said otherwise: for a turn, a connection and the rows together. */
const PATIENCE_MILLISECONDS = 1200

/** What is asked for together. */
interface Batch {
  readonly dispatch: () => void
  /** Rejects when their time is up. */
  readonly patience: Promise<never>
  readonly timer: NodeJS.Timeout
}

/**
 * Answers what is asked for at the same time by one read, and each by a read that began after it was asked: nothing is
 * kept. Under load the reads grow rather than their number, since a row more costs little and a query more costs much.
 * Rejects as a query does whose database is away when there is no answer in time.
 * @param read answers in the order asked
 */
export function shareReads<Key, Value>(
  read: (keys: readonly Key[]) => Promise<Value[]>,
  maxBatchSize: number,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): Pick<DataLoader<Key, Value>, 'load'> {
  const gathered = new Set<Batch>()
  let reads = 0
  let dispatched: Batch

  function dispatch(batch: Batch): void {
    gathered.delete(batch)
    dispatched = batch
    batch.dispatch()
  }

  function readNext(): void {
    for (const batch of gathered) {
      // All but the last are full.
      if (reads >= (gathered.size > 1 ? MAX_FULL_READS : MAX_READS)) return
      dispatch(batch)
    }
  }

  function gather(callback: () => void): void {
    const { promise: patience, reject } = Promise.withResolvers<never>()
    // Its turn has come by then: whatever was dispatched before it had to be answered sooner.
    const timer = setTimeout(() => reject(new Error('timeout: no answer in time')), patienceMilliseconds)
    const batch = { dispatch: callback, patience, timer }
    gathered.add(batch)
    // After all that has arrived by now: the other requests of this turn join.
    setImmediate(readNext)
  }

  return new DataLoader<Key, Value>(
    (keys) => {
      const { patience, timer } = dispatched
      reads++
      return Promise.race([patience, read(keys)]).finally(() => {
        clearTimeout(timer)
        reads--
        readNext()
      })
    },
    { cache: false, maxBatchSize, batchScheduleFn: gather },
  )
}
