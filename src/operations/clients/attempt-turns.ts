import { OAuthError } from '../../domain/oauth-error.ts'

/** Attempts of one client from one network that may wait while others are checked. */
const MAX_WAITING = 100

/** How long to wait for an attempt that another node checks. */
const RETRY_MILLISECONDS = 50

export interface Turns {
  /** @param first whether it has waited before */
  wait(pair: string, first: boolean): Promise<void>
  next(pair: string): void
}

/** Attempts that wait for others from the same network, in order of arrival. */
export function createTurns(): Turns {
  const waiting = new Map<string, (() => void)[]>()

  function next(pair: string): void {
    const queue = waiting.get(pair)
    const resume = queue?.shift()
    if (queue?.length === 0) waiting.delete(pair)
    resume?.()
  }

  return {
    next,

    async wait(pair, first) {
      const queue = waiting.get(pair) ?? []
      if (queue.length >= MAX_WAITING)
        throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'too many attempts at once')
      waiting.set(pair, queue)
      const { promise, resolve } = Promise.withResolvers<void>()
      queue[first ? 'unshift' : 'push'](resolve)
      // A result on another node does not wake attempts that wait here, so look again from time to time.
      const timer = setTimeout(() => next(pair), RETRY_MILLISECONDS * queue.length)
      await promise
      clearTimeout(timer)
    },
  }
}
