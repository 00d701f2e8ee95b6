import cluster from 'node:cluster'
import { runCommand } from './cli/program.ts'
import { loadConfig } from './config.ts'
import { createLogger } from './server/logger.ts'
import { serve, serveAsWorker } from './server/serve.ts'

process.exitCode = await runCommand(process.argv, process.env, serveUntilSignal)

async function serveUntilSignal(): Promise<number> {
  const config = loadConfig(process.env)
  const logger = createLogger(config.logLevel)
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve)
  })
  const running = await (cluster.isWorker ? serveAsWorker : serve)(config, logger)
  logger.info({ signal: await signal }, 'stopping')
  await running.close()
  return 0
}
