import cluster from 'node:cluster'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { SERVER_ACTOR } from '../domain/actor.ts'
import { systemClock } from '../domain/clock.ts'
import { isLoopbackHost } from '../http/host.ts'
import { DEMO_REALM } from '../operations/accounts/bootstrap.ts'
import { type OpenedOperations, openOperations } from '../operations/open.ts'
import { buildServer } from './build-server.ts'
import { startExpiry } from './jobs/expiry.ts'
import { startRotation } from './jobs/rotation.ts'
import { startUseWriter } from './jobs/use-writer.ts'
import { settlePort } from './port.ts'
import { startTracing } from './tracing.ts'
import { printWelcome } from './welcome.ts'
import { sayThatItListens, startWorkers } from './workers.ts'

/** How long a database may take to appear at start-up. */
const DATABASE_WAIT_SECONDS = 60

/** What is in flight may take this long once the server was told to stop; then it is cut. */
const CLOSE_SECONDS = 10

export { createLogger } from './logger.ts'

/** What runs until it is closed. */
export interface Running {
  close(): Promise<void>
}

/** Connections to the database, of all workers together, unless they are so many that this would be less than two each. */
const CONNECTIONS = 60
const CONNECTIONS_OF_A_WORKER = 10

/**
 * `mintmark serve`: everything, until it is closed.
 * @param signal ends the wait for a database, or for workers, that are not there
 */
export async function serve(asked: Config, logger: Logger, signal: AbortSignal): Promise<Running> {
  const config = await settlePort(asked)
  const opened = await open(config, logger, signal)
  try {
    await bootstrap(config, opened, logger)
    const doors =
      config.workers > 1
        ? await startWorkers(config, opened, logger, signal)
        : await listen(config, opened, logger)
    const rotation = startRotation(opened.operations, logger)
    const expiry = startExpiry(opened.operations, logger)
    return {
      close: async () => {
        await doors.close()
        await rotation.close()
        await expiry.close()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** One worker of several: serves, and leaves the rest to the first process. */
export async function serveAsWorker(config: Config, logger: Logger, signal: AbortSignal): Promise<Running> {
  const opened = await open(config, logger, signal)
  const doors = await listen(config, opened, logger)
  sayThatItListens()
  return {
    close: async () => {
      await doors.close()
      await opened.close()
    },
  }
}

function open(config: Config, logger: Logger, signal: AbortSignal): Promise<OpenedOperations> {
  const share = Math.floor(CONNECTIONS / config.workers)
  return openOperations({
    ...config,
    signal,
    clock: systemClock,
    poolSize: Math.max(2, Math.min(share, CONNECTIONS_OF_A_WORKER)),
    databaseWaitSeconds: DATABASE_WAIT_SECONDS,
    log: (message, error) => logger.warn({ err: error }, message),
  })
}

async function bootstrap(
  config: Config,
  { operations, migrated }: OpenedOperations,
  logger: Logger,
): Promise<void> {
  if (migrated.length > 0) logger.info({ migrated }, 'database migrated')
  if (config.bootstrapAdmin) {
    const { clientId, clientSecret } = config.bootstrapAdmin
    if (await operations.bootstrapAdministrator(clientId, clientSecret))
      logger.info({ client_id: clientId }, 'platform administrator created in realm system')
  }
  if (config.databaseUrl !== undefined) return
  const demo = await operations.createDemo()
  if (!demo) return
  const { url } = await operations.createPortalLink(SERVER_ACTOR, DEMO_REALM)
  printWelcome(config.publicUrl, demo, url)
}

async function listen(config: Config, { operations }: OpenedOperations, logger: Logger): Promise<Running> {
  const tracing = config.tracing ? await startTracing(logger) : undefined
  const server = await buildServer(operations, {
    logger,
    tracing: tracing?.plugin,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    // A default proxy on this machine passes on requests of others as its own: a public server wants a token of everyone.
    areMetricsOpenLocally: config.trustProxy === 0 && isLoopbackHost(new URL(config.publicUrl).host),
    publicUrl: config.publicUrl,
  })
  const listening = {
    host: config.host,
    port: config.port,
    // Each worker has a socket of its own, among which Linux shares connections out evenly; elsewhere they share one.
    reusePort: cluster.isWorker && process.platform === 'linux',
    listenTextResolver: (address: string) => `listening on ${address}, serving ${config.publicUrl}`,
  }
  await server.app.listen(listening)
  const uses = startUseWriter(operations, logger)
  return {
    close: async () => {
      const cut = setTimeout(() => server.app.server.closeAllConnections(), CLOSE_SECONDS * 1000)
      await server.close()
      clearTimeout(cut)
      await uses.close()
      await tracing?.close()
    },
  }
}
