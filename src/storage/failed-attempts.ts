import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'
import type { Database } from './database.ts'
import { poolOf } from './database.ts'

export type FailedAttemptsStore = 'memory' | 'postgres'

/** Counters that forget, in this process or in the database, where all nodes share them. */
export interface AttemptCounters {
  /** One more; returns how many there are within the window. */
  increment(key: string): Promise<number>
  /** Holds a key back for a while. */
  hold(key: string, seconds: number): Promise<void>
  /** Seconds that a key is still held back; 0: it is not. */
  heldFor(key: string): Promise<number>
}

export function createAttemptCounters(
  db: Database,
  store: FailedAttemptsStore,
  windowSeconds: number,
): AttemptCounters {
  const failures = limiter(db, store, 'failures', windowSeconds)
  const holds = limiter(db, store, 'holds', windowSeconds)
  return {
    increment: async (key) => (await failures.penalty(key, 1)).consumedPoints,
    hold: async (key, seconds) => void (await holds.block(key, seconds)),
    async heldFor(key) {
      const held = await holds.get(key)
      return held === null ? 0 : Math.max(0, Math.ceil(held.msBeforeNext / 1000))
    },
  }
}

function limiter(
  db: Database,
  store: FailedAttemptsStore,
  keyPrefix: string,
  duration: number,
): RateLimiterAbstract {
  const options = { keyPrefix, points: 1, duration }
  const inMemory = new RateLimiterMemory(options)
  if (store === 'memory') return inMemory
  const pool = poolOf(db)
  return new RateLimiterPostgres({
    ...options,
    // Without names: a pooler in transaction mode has no place for prepared statements.
    storeClient: {
      query: ({ text, values }: { text: string; values: unknown[] }) => pool.query(text, values),
    },
    storeType: 'pool',
    tableName: 'failed_attempts',
    tableCreated: true,
    insuranceLimiter: inMemory,
  })
}
