import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { OpenedOperations } from '../operations/open.ts'
import { BEGIN, HURRY, type Running } from './stop.ts'
import { answerWorkersMetrics } from './worker-metrics.ts'

/** Minimum time between two replacements of a worker. */
const RESTART_MILLISECONDS = 500

const LISTENS = 'mintmark:listens'

const CONFIG = 'mintmark:config'

/** Configuration of a worker, sent by the first process; `undefined`: it was told to stop first. */
export function receiveConfig(signal: AbortSignal): Promise<Config | undefined> {
  return new Promise((resolve) => {
    const listen = (message: { type?: unknown; config?: Config }) => {
      if (message?.type === CONFIG) done(message.config)
    }
    const done = (config?: Config) => {
      process.off('message', listen)
      resolve(config)
    }
    process.on('message', listen)
    signal.addEventListener('abort', () => done())
  })
}

/** A worker with its own socket reports that it listens; cluster does not do it. */
export function sayThatItListens(): void {
  process.send?.({ type: LISTENS })
}

function firstListensOr(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cluster.off('message', hear)
      resolve()
    }
    const hear = (_worker: Worker, message: { type?: unknown }) => {
      if (message?.type === LISTENS) done()
    }
    cluster.on('message', hear)
    signal.addEventListener('abort', done)
  })
}

/**
 * Serves from several processes that share the port. They end by themselves if the first process dies.
 * @param signal ends the wait for the first worker that listens
 */
export async function startWorkers(
  config: Config,
  { databaseUrl, masterKeys }: Pick<OpenedOperations, 'databaseUrl' | 'masterKeys'>,
  logger: Logger,
  signal: AbortSignal,
): Promise<Required<Running>> {
  // The message may arrive before its listener is set.
  signal.throwIfAborted()
  let closing = false
  let failed = 0
  const workers = new Map<Worker, Promise<unknown>>()
  // All workers share port and database. Sent as a message, since other processes can read an environment.
  const shared = { type: CONFIG, config: { ...config, databaseUrl, masterKeys, bootstrapAdmin: undefined } }

  answerWorkersMetrics()
  function start(): void {
    const worker = cluster.fork()
    // Sending fails where the worker has just died; its exit is handled elsewhere.
    worker.on('error', (err) => logger.warn({ err }, 'could not send a message to a worker'))
    worker.send(shared)
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      worker.on('exit', (code, signal) => resolve({ code, signal }))
    })
    workers.set(
      worker,
      ended.then(async (how) => {
        workers.delete(worker)
        if (closing) {
          if (how.code) failed++
          return
        }
        logger.error(how, 'a worker died; starting another')
        await sleep(RESTART_MILLISECONDS)
        if (!closing) start()
      }),
    )
  }

  // The first process does not serve: connections that it handed to a worker would hang if that worker died.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  for (let i = 0; i < config.workers; i++) start()
  await firstListensOr(signal)
  const tellAll = (type: string) => {
    closing = true
    for (const worker of workers.keys()) worker.send({ type })
  }
  return {
    drain: () => tellAll(BEGIN),
    close: async () => {
      tellAll(HURRY)
      await Promise.all(workers.values())
      if (failed > 0) throw new Error(`workers failed to stop cleanly: ${failed}`)
    },
  }
}
