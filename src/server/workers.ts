import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { OpenedOperations } from '../operations/open.ts'
import { answerWorkersMetrics } from './metrics.ts'
import type { Running } from './serve.ts'

/** A worker that dies is replaced, but not faster than this. */
const RESTART_MILLISECONDS = 500

const LISTENS = 'mintmark:listens'

/** A worker with a socket of its own says so itself, for the cluster does not. */
export function sayThatItListens(): void {
  process.send?.({ type: LISTENS })
}

function firstListens(): Promise<void> {
  return new Promise((resolve) => {
    const hear = (_worker: Worker, message: { type?: unknown }) => {
      if (message?.type !== LISTENS) return
      cluster.off('message', hear)
      resolve()
    }
    cluster.on('message', hear)
  })
}

/** Serves from several processes that share the port. Should the first process die, they end by themselves. */
export async function startWorkers(
  config: Config,
  { databaseUrl, masterKeys }: Pick<OpenedOperations, 'databaseUrl' | 'masterKeys'>,
  logger: Logger,
): Promise<Running> {
  let closing = false
  const workers = new Map<Worker, Promise<unknown>>()
  // Everyone on one port and one database, embedded or not.
  const environment = {
    PORT: config.port,
    PUBLIC_URL: config.publicUrl,
    DATABASE_URL: databaseUrl,
    MASTER_KEY: masterKeys.join(','),
    MASTER_KEY_FILE: '',
  }

  answerWorkersMetrics()
  function start(): void {
    const worker = cluster.fork(environment)
    workers.set(
      worker,
      once(worker, 'exit').then(async ([code, signal]) => {
        workers.delete(worker)
        if (closing) return
        logger.error({ code, signal }, 'a worker died; starting another')
        await sleep(RESTART_MILLISECONDS)
        if (!closing) start()
      }),
    )
  }

  // The first process takes no part in serving: connections that it had handed to a worker that dies would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  for (let i = 0; i < config.workers; i++) start()
  await firstListens()
  return {
    close: async () => {
      closing = true
      for (const worker of workers.keys()) worker.process.kill('SIGTERM')
      await Promise.all(workers.values())
    },
  }
}
