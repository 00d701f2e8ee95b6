#!/usr/bin/env node
import cluster from 'node:cluster'
import { runCommand } from './cli/program.ts'
import { loadConfig } from './config.ts'
import { createLogger } from './server/logger.ts'
import { type Running, serve, serveAsWorker } from './server/serve.ts'

const exitCode = await runCommand(process.argv, process.env, serveUntilSignal)
process.exitCode = exitCode

async function serveUntilSignal(): Promise<number> {
  const config = loadConfig(process.env)
  const logger = createLogger(config.logLevel)
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve)
    // The first process is gone, killed perhaps: a worker alone is of no use.
    process.once('disconnect', () => resolve('SIGTERM'))
  })
  const running = await start(config, logger)
  logger.info({ signal: await signal }, 'stopping')
  await running.close()
  return 0
}

function start(...[config, logger]: Parameters<typeof serve>): Promise<Running> {
  return cluster.isWorker ? serveAsWorker(config, logger) : serve(config, logger)
}
