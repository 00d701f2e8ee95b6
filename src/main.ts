import cluster from 'node:cluster'
import { runCommand } from './cli/program.ts'
import { endOnUnwritableOutput } from './cli/unwritable-output.ts'
import { VERSION } from './config/version.ts'
import { forgetSecrets, loadConfig } from './config.ts'

const keepOnWithoutOutput = endOnUnwritableOutput()
process.exitCode = await runCommand(process.argv, process.env, serveUntilStopped)

async function serveUntilStopped(): Promise<never> {
  keepOnWithoutOutput()
  // Loaded when it is needed: other commands start sooner without.
  const { createLogger, listenForStop, logWarnings, prepare, runUntilStopped } = await import(
    './server/prepare.ts'
  )
  const logger = createLogger('info')
  logWarnings(logger)
  const stop = listenForStop(logger)
  try {
    const config = cluster.isWorker ? await receivedConfig(stop.begun) : loadConfig(process.env)
    if (config === undefined) process.exit(0)
    forgetSecrets(process.env)
    logger.level = config.logLevel
    // For programs, which find the version here even if the server cannot start. People see it in the welcome.
    if (cluster.isPrimary && !process.stderr.isTTY) logger.info({ version: VERSION }, 'starting')
    const prepared = cluster.isWorker ? undefined : await prepare(config)
    const { serve, serveAsWorker } = await import('./server/serve.ts')
    const running = await (prepared
      ? serve(prepared, logger, stop.begun)
      : serveAsWorker(config, logger, stop.begun))
    process.exit(await runUntilStopped(running, stop, config.shutdownDelaySeconds, logger))
  } catch (error) {
    // Told to stop while it waited for the database.
    if (stop.begun.aborted) process.exit(0)
    // A terminal gets a sentence, like any command's. Elsewhere the log is read by programs, line by line.
    if (process.stderr.isTTY) throw error
    const { failureOf } = await import('./cli/failure.ts')
    const { exitCode, code, detail, faults } = failureOf(error)
    logger.fatal({ code, faults }, detail)
    process.exit(exitCode)
  }
}

async function receivedConfig(signal: AbortSignal) {
  return (await import('./server/workers.ts')).receiveConfig(signal)
}
