import DataLoader from 'dataloader'

/** Maximum of concurrent reads. Meanwhile, new keys gather for the next one. */
const MAX_READS = 2

/** Maximum while batches are full: the database is slow, or load is high. */
const MAX_FULL_READS = 5

/** Default time limit of a lookup: its turn, a connection and the rows together. */
const PATIENCE_MILLISECONDS = 1200

/** Longest pause after a commit. */
const MAX_REST_MILLISECONDS = 20

export interface Sharing<Key = never> {
  /** Default: `PATIENCE_MILLISECONDS`. */
  readonly patienceMilliseconds?: number
  /** While so many are under way, lookups gather. Default: `MAX_READS`. */
  readonly maxReads?: number
  /**
   * Each is a commit, which costs more than its rows: after one for several keys, the next waits as long again as that one took, so
   * that more of them share it.
   */
  readonly areCommits?: boolean
  /** Called with the keys of each batch that waits no longer: its read begins, or its time limit has passed. */
  readonly onTaken?: (keys: readonly Key[]) => void
}

/** Keys that are read together. */
interface Batch {
  readonly dispatch: () => void
  /** Rejects at the time limit. */
  readonly patience: Promise<never>
  readonly timer: NodeJS.Timeout
  /** The time limit passed before its read began. */
  isLate: boolean
}

/**
 * Batches concurrent lookups. Each is answered by a read that began after it was requested; nothing is cached.
 * Under load batches grow instead of their number: one more row costs little, one more query costs much.
 * Past the time limit it rejects like a query whose database is away.
 * @param read returns values in the order of the keys
 */
export function shareReads<Key, Value>(
  read: (keys: readonly Key[]) => Promise<Value[]>,
  maxBatchSize: number,
  sharing: Sharing<Key> = {},
): Pick<DataLoader<Key, Value>, 'load'> {
  const { patienceMilliseconds = PATIENCE_MILLISECONDS, maxReads = MAX_READS, areCommits, onTaken } = sharing
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
      // All batches except the last are full.
      if (reads >= (gathered.size > 1 ? MAX_FULL_READS : maxReads)) return
      dispatch(batch)
    }
  }

  function gather(callback: () => void): void {
    const { promise: patience, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      reject(new Error('timeout: no answer in time'))
      batch.isLate = gathered.has(batch)
      // DataLoader handles its rejection then. One that nobody handles ends the process.
      if (batch.isLate) dispatch(batch)
    }, patienceMilliseconds)
    const batch: Batch = { dispatch: callback, patience, timer, isLate: false }
    gathered.add(batch)
    // After everything that has arrived by now, so that other requests of this turn join.
    setImmediate(readNext)
  }

  function end(): void {
    reads--
    readNext()
  }

  return new DataLoader<Key, Value>(
    (keys) => {
      const { patience, timer, isLate } = dispatched
      onTaken?.(keys)
      if (isLate) return patience
      const began = performance.now()
      reads++
      return Promise.race([patience, read(keys)]).finally(() => {
        clearTimeout(timer)
        if (areCommits && keys.length > 1)
          setTimeout(end, Math.min(performance.now() - began, MAX_REST_MILLISECONDS))
        else end()
      })
    },
    { cache: false, maxBatchSize, batchScheduleFn: gather },
  )
}

/**
 * The same for keys that many ask for at once: equal ones share a place in the next read.
 * @param nameOf the same text for equal keys
 */
export function shareEqualReads<Key, Value>(
  read: (keys: readonly Key[]) => Promise<Value[]>,
  maxBatchSize: number,
  nameOf: (key: Key) => string,
): Pick<DataLoader<Key, Value>, 'load'> {
  // Only those whose read has not begun: a later lookup needs a read that begins later.
  const waiting = new Map<string, Promise<Value>>()
  const reads = shareReads(read, maxBatchSize, {
    onTaken(keys: readonly Key[]) {
      for (const key of keys) waiting.delete(nameOf(key))
    },
  })
  return {
    load(key) {
      const name = nameOf(key)
      const found = waiting.get(name) ?? reads.load(key)
      waiting.set(name, found)
      return found
    },
  }
}
