import type { Clock } from '../domain/clock.ts'

/** Wall clocks are corrected by less than this between two looks. */
const JUMP_MILLISECONDS = 500

/**
 * Milliseconds that never go back. A machine that was asleep may have stopped its steady clock meanwhile: where the wall clock
 * jumps ahead, so does this one.
 */
export function createSteadyClock(
  clock: Clock,
  steady: () => number = () => performance.now(),
): () => number {
  let slept = 0
  let offset: number | undefined
  return () => {
    const now = steady()
    const gap = clock().getTime() - now
    if (offset !== undefined && gap - offset > JUMP_MILLISECONDS) slept += gap - offset
    offset = gap
    return now + slept
  }
}
