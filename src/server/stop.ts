import cluster from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'

/** Something that runs until it is closed. */
export interface Running {
  /** Goes on serving, but announces with every answer that it will end. */
  drain?(): void
  /** @throws AggregateError of everything that could not be closed; the rest is closed */
  close(): Promise<void>
}

/** A request to stop: by a signal, or to a worker by the first process. */
export interface Stop {
  readonly begun: AbortSignal
  /** A second signal ends the delay. Requests in flight are still finished. */
  readonly hurried: AbortSignal
}

export const BEGIN = 'mintmark:stop'
export const HURRY = 'mintmark:close'

/** Maximum time from the end of the delay to the exit. */
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
      // A terminal and systemd signal every process: only the first process counts signals.
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

/** Waits for the request to stop, then stops. Returns the exit code: 0 if everything ended in order. */
export async function runUntilStopped(
  running: Running,
  { begun, hurried }: Stop,
  delaySeconds: number,
  logger: Logger,
): Promise<number> {
  const hasServed = !begun.aborted
  if (hasServed) await once(begun, 'abort')
  running.drain?.()
  // Load balancers need some time to notice that the server is not ready.
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
      logger.error({ err }, 'stopped with errors')
    return 1
  }
}

/** Closes everything in order, even if one fails. */
export async function closeAll(parts: readonly (Pick<Running, 'close'> | undefined)[]): Promise<void> {
  const errors: unknown[] = []
  for (const part of parts)
    try {
      await part?.close()
    } catch (error) {
      errors.push(...(error instanceof AggregateError ? error.errors : [error]))
    }
  if (errors.length > 0) throw new AggregateError(errors, 'could not be closed')
}
