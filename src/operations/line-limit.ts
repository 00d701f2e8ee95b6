import type { Clock } from '../domain/clock.ts'
import { boundedCache } from './bounded-cache.ts'

const KEYS = 10_000

/** Limits the audit lines of one key, so that a refused caller cannot fill the database. */
export interface LineLimit {
  readonly clock: Clock
  readonly linesPerMinute: number
  /** Called once in a minute in which a key exceeds the limit. */
  readonly onExceeded: (key: string) => void
}

/** Returns a function that counts a line of a key, and says whether it may be written. */
export function createLineLimit({ clock, linesPerMinute, onExceeded }: LineLimit): (key: string) => boolean {
  const lines = boundedCache<number>(KEYS)
  return (key) => {
    const entry = `${Math.floor(clock().getTime() / 60_000)} ${key}`
    const count = (lines.get(entry) ?? 0) + 1
    lines.set(entry, count)
    if (count === linesPerMinute + 1) onExceeded(key)
    return count <= linesPerMinute
  }
}
