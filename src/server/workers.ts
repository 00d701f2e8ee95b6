import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { OpenedOperations } from '../operations/open.ts'
import { answerWorkersMetrics } from './metrics.ts'
import type { Running } from './serve.ts'

/** A worker that dies is replaced, but not faster than this. */
const RESTART_MILLISECONDS = 1000

/** Serves from several processes that share the port. */
export async function startWorkers(
  config: Config,
  { databaseUrl, masterKeys }: Pick<OpenedOperations, 'databaseUrl' | 'masterKeys'>,
  logger: Logger,
): Promise<Running> {
  let closing = false
  // Everyone on one database, embedded or not.
  const environment = { DATABASE_URL: databaseUrl, MASTER_KEY: masterKeys.join(','), MASTER_KEY_FILE: '' }

  function start(): Worker {
    const worker = cluster.fork(environment)
    worker.once('exit', (code, signal) => {
      if (closing) return
      logger.error({ code, signal }, 'a worker died; starting another')
      setTimeout(() => closing || start(), RESTART_MILLISECONDS)
    })
    return worker
  }

  answerWorkersMetrics()
  cluster.schedulingPolicy = cluster.SCHED_NONE
  await Promise.all(Array.from({ length: config.workers }, () => once(start(), 'listening')))
  logger.info(
    { host: config.host, port: config.port, workers: config.workers },
    `serving ${config.publicUrl}`,
  )
  return {
    close: async () => {
      closing = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      const gone = workers.map((worker) => once(worker, 'exit'))
      for (const worker of workers) worker.process.kill('SIGTERM')
      await Promise.all(gone)
    },
  }
}
