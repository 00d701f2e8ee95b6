import type { Clock } from '../../domain/clock.ts'
import {
  type AttemptCounters,
  type AttemptGrant,
  type AttemptLimit,
  backOffSeconds,
  type FailedAttemptsPolicy,
} from '../../domain/failed-attempts.ts'
import { boundedCache } from '../bounded-cache.ts'

interface Counter {
  failures: number
  /** Attempts in progress. */
  undecided: number
  heldUntil: number
  expiresAt: number
}

export interface MemoryCounters extends AttemptCounters {
  /** As `reserve`, at once. */
  reserveNow(limits: readonly AttemptLimit[]): AttemptGrant
  /** Holds back attempts under a key, as another process does. */
  hold(key: string, seconds: number): void
}

type Taken = AttemptLimit & { readonly counter: Counter }

/** About 200 bytes each; the least recently used are dropped. */
const CAPACITY = 100_000

/** Counters in this process, under exact keys. */
export function createMemoryCounters(clock: Clock, policy: FailedAttemptsPolicy): MemoryCounters {
  // By size: `max` would reserve the memory of all of them at once, which takes each command a tenth of a second.
  const counters = boundedCache<Counter>(CAPACITY)

  function counterOf(key: string, now: number): Counter {
    const found = counters.get(key)
    if (found && (found.expiresAt > now || found.undecided > 0)) return found
    return { failures: 0, undecided: 0, heldUntil: 0, expiresAt: now + policy.windowSeconds * 1000 }
  }

  function settle({ key, limit, counter }: Taken, failed: boolean): void {
    counter.undecided--
    if (!failed) return
    counters.set(key, counter)
    const now = clock().getTime()
    counter.failures++
    counter.expiresAt = now + policy.windowSeconds * 1000
    // Another process may have asked for longer.
    const heldUntil = now + backOffSeconds(counter.failures, limit, policy) * 1000
    counter.heldUntil = Math.max(counter.heldUntil, heldUntil)
  }

  function reserveNow(limits: readonly AttemptLimit[]): AttemptGrant {
    const now = clock().getTime()
    const taken = limits.map((limit) => ({ ...limit, counter: counterOf(limit.key, now) }))
    const refused = refusalOf(taken, now)
    if (refused) return refused
    // Stored only now, so that a refused attempt evicts no counter.
    for (const { key, counter } of taken) {
      counter.undecided++
      counters.set(key, counter)
    }
    return {
      outcome: 'granted',
      settle: async (failed) => {
        for (const one of taken) settle(one, failed)
      },
    }
  }

  return {
    reserveNow,
    reserve: async (limits) => reserveNow(limits),
    hold(key, seconds) {
      const now = clock().getTime()
      const counter = counterOf(key, now)
      counter.heldUntil = Math.max(counter.heldUntil, now + seconds * 1000)
      counter.expiresAt = Math.max(counter.expiresAt, counter.heldUntil)
      counters.set(key, counter)
    },
  }
}

function refusalOf(taken: readonly Taken[], now: number): AttemptGrant | undefined {
  const [longest] = taken
    .filter(({ counter }) => counter.heldUntil > now)
    .sort((a, b) => b.counter.heldUntil - a.counter.heldUntil)
  if (longest)
    return {
      outcome: 'held',
      key: longest.key,
      seconds: Math.ceil((longest.counter.heldUntil - now) / 1000),
    }
  // Beyond the limit one at a time: each result must be known before the next attempt.
  const isFull = ({ counter: { failures, undecided }, limit }: Taken) =>
    failures + undecided >= Math.max(limit, failures + 1)
  return taken.some(isFull) ? { outcome: 'busy' } : undefined
}
