import cluster from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from './cli/program.ts'
import { loadConfig } from './config.ts'

/** Told to stop, the process is gone after this long at the latest. */
const STOP_SECONDS = 15

process.exitCode = await runCommand(process.argv, process.env, serveUntilSignal)

async function serveUntilSignal(): Promise<never> {
  // Loaded when it is needed: other commands start sooner without.
  const { createLogger, serve, serveAsWorker } = await import('./server/serve.ts')
  const config = loadConfig(process.env)
  const logger = createLogger(config.logLevel)
  const stop = new AbortController()
  // For good: a second one comes from the first process, or from a terminal, and must not cut the stop short.
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(name, (signal) => {
      if (!stop.signal.aborted) logger.info({ signal }, 'stopping')
      stop.abort()
    })
  try {
    const running = await (cluster.isWorker ? serveAsWorker : serve)(config, logger, stop.signal)
    if (!stop.signal.aborted) await once(stop.signal, 'abort')
    await Promise.race([running.close(), sleep(STOP_SECONDS * 1000)])
  } catch (error) {
    // Told to stop while it waited for the database.
    if (!stop.signal.aborted) throw error
  }
  process.exit(0)
}
