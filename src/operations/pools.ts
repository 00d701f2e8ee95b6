import type { Clock } from '../domain/clock.ts'
import { setWaitForReaders } from '../storage/commit-waits.ts'
import { type Database, describeDatabaseError, openDatabase, reasonOf } from '../storage/database.ts'
import { openReadReplica, type ReadReplica, type ReadReplicaSettings } from './read-replica.ts'
import { createReaderWait } from './reader-waits.ts'

export interface Pools {
  /** For changes and administration. */
  readonly db: Database
  /** For the reads of token requests, at the primary. */
  readonly tokenDb: Database
  /** For the reads of token requests: `tokenDb`, or a standby. */
  readonly readDb: Database
  /** `undefined`: there is no standby to read. */
  readonly readReplica: ReadReplica | undefined
  /** For what is written of assertions. */
  readonly assertionDb: Database
  close(): Promise<void>
}

type Log = (message: string, error?: Error) => void

interface PoolOptions {
  /** Connections of the pools for tokens and administration together; the pool for assertions has two more. */
  readonly poolSize: number
  readonly log: Log
  readonly clock: Clock
  readonly readReplica?: ReadReplicaSettings | undefined
}

/** Minimum time between two log lines about the same fault. */
const FAULT_LOG_MILLISECONDS = 60_000

/** While two statements are under way, the next assertions gather for one more. */
const ASSERTION_CONNECTIONS = 2

/**
 * Two pools with half of the connections each, and one at least: no change can take those that tokens need. A third one,
 * which is opened when it is needed: a write that waits for a standby takes none that secrets need.
 * @param reach waits for the database and prepares it, over the first connection of `db`. It tells faults itself.
 */
export async function openPools<T>(
  connectionString: string,
  options: PoolOptions,
  reach: (db: Database) => Promise<T>,
): Promise<{ readonly pools: Pools; readonly reached: T }> {
  const { poolSize, log } = options
  const logFault = createFaultLog(log)
  let isReached = false
  const onFault = (error: Error) => isReached && logFault(error)
  // Each connection of the pool breaks when PostgreSQL ends.
  const onIdleError = createFaultLog(log, (error) => `database connection lost: ${reasonOf(error)}`)
  const open = (size: number, prepares = false) =>
    openDatabase({ connectionString, poolSize: Math.max(1, size), onIdleError, onFault, prepares })
  const db = open(Math.floor(poolSize / 2))
  try {
    const reached = await reach(db)
    isReached = true
    const tokenDb = open(Math.ceil(poolSize / 2), true)
    const assertionDb = open(ASSERTION_CONNECTIONS, true)
    return { pools: withReplica(connectionString, { db, tokenDb, assertionDb, onFault }, options), reached }
  } catch (error) {
    await db.destroy()
    throw error
  }
}

function withReplica(
  primaryUrl: string,
  { onFault, ...primary }: Pick<Pools, 'db' | 'tokenDb' | 'assertionDb'> & { onFault(error: Error): void },
  { poolSize, log, clock, readReplica: settings }: PoolOptions,
): Pools {
  const { db, tokenDb, assertionDb } = primary
  setWaitForReaders(db, createReaderWait(db))
  const readReplica =
    settings &&
    openReadReplica({
      settings,
      primaryUrl,
      primary: tokenDb,
      poolSize: Math.max(1, Math.ceil(poolSize / 2)),
      clock,
      onFault,
      log,
    })
  return {
    ...primary,
    readDb: readReplica?.db ?? tokenDb,
    readReplica,
    close: async () => {
      await readReplica?.close()
      await Promise.all([db, tokenDb, assertionDb].map((pool) => pool.destroy()))
    },
  }
}

/** Logs a kind of fault at most once a minute. */
function createFaultLog(
  log: Log,
  describe = (error: Error) => describeDatabaseError(error) ?? reasonOf(error),
): (error: Error) => void {
  const loggedAt = new Map<string, number>()
  return (error) => {
    const key = (error as { code?: string }).code ?? error.name
    const now = performance.now()
    if (now - (loggedAt.get(key) ?? -Infinity) < FAULT_LOG_MILLISECONDS) return
    loggedAt.set(key, now)
    log(describe(error))
  }
}
