import cluster from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'

/** What runs until it is closed. */
export interface Running {
  /** Goes on serving, but says on every answer that it will end. */
  drain?(): void
  /** @throws AggregateError of what could not be closed; the rest is closed all the same */
  close(): Promise<void>
}

/** The request to stop, by a signal, or to a worker by the first process. */
export interface Stop {
  readonly begun: AbortSignal
  /** A second signal: the delay is over. What is under way is finished all the same. */
  readonly hurried: AbortSignal
}

export const BEGIN = 'mintmark:stop'
export const HURRY = 'mintmark:close'

/** Once the delay is over the process is gone after this long at the latest. */
const STOP_SECONDS = 14

export function listenForStop(logger: Logger): Stop {
  const begun = new AbortController()
  const hurried = new AbortController()
  const begin = (how: object) => {
    if (!begun.signal.aborted) logger.info(how, 'stopping')
    begun.abort()
  }
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(name, (signal) => {
      // A terminal and systemd send one to each process: workers leave it to the first one to count them.
      if (begun.signal.aborted && !cluster.isWorker) hurried.abort()
      begin({ signal })
    })
  if (cluster.isWorker)
    process.on('message', ({ type }: { type?: unknown }) => {
      if (type === BEGIN || type === HURRY) begin({})
      if (type === HURRY) hurried.abort()
    })
  return { begun: begun.signal, hurried: hurried.signal }
}

/** Waits for the request to stop and follows it. Returns the exit code: 0 where all ended in order. */
export async function runUntilStopped(
  running: Running,
  { begun, hurried }: Stop,
  delaySeconds: number,
  logger: Logger,
): Promise<number> {
  const hasServed = !begun.aborted
  if (hasServed) await once(begun, 'abort')
  running.drain?.()
  // Load balancers take their time to notice that it is not ready any more.
  if (hasServed && !hurried.aborted)
    await sleep(delaySeconds * 1000, undefined, { signal: hurried }).catch(() => {})
  const late = sleep(STOP_SECONDS * 1000, undefined, { ref: false }).then(() => {
    throw new Error(`not closed within ${STOP_SECONDS} s`)
  })
  try {
    await Promise.race([running.close(), late])
    return 0
  } catch (error) {
    for (const err of error instanceof AggregateError ? error.errors : [error])
      logger.error({ err }, 'stopped, but not in order')
    return 1
  }
}

/** Closes one after the other, all of them, whatever happens to one. */
export async function closeAll(parts: readonly (Pick<Running, 'close'> | undefined)[]): Promise<void> {
  const errors: unknown[] = []
  for (const part of parts)
    try {
      await part?.close()
    } catch (error) {
      errors.push(...(error instanceof AggregateError ? error.errors : [error]))
    }
  if (errors.length > 0) throw new AggregateError(errors, 'not closed in order')
}
