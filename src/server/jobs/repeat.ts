import type { Running } from '../stop.ts'

/**
 * Does a job again and again until it is closed, one run at a time. Closing waits for the run under way.
 * @param pause milliseconds before the first run
 * @param run does not reject; resolves to the milliseconds before the next run
 */
export function repeat(pause: number, run: () => Promise<number>): Running {
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let underway: Promise<void> | undefined

  async function once(): Promise<void> {
    const next = await run()
    if (!isClosed) plan(next)
  }

  function plan(milliseconds: number): void {
    timer = setTimeout(() => {
      underway = once()
    }, milliseconds)
  }

  plan(pause)
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await underway
    },
  }
}
