import cluster from 'node:cluster'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { systemClock } from '../domain/clock.ts'
import { type OpenedOperations, openOperations } from '../operations/open.ts'
import { buildServer } from './build-server.ts'
import { startRotation } from './rotation.ts'
import { printWelcome } from './welcome.ts'
import { startWorkers } from './workers.ts'

/** How long a database may take to appear at start-up. */
const DATABASE_WAIT_SECONDS = 60

/** What is in flight may take this long once the server was told to stop; then it is cut. */
const CLOSE_SECONDS = 10

/** What runs until it is closed. */
export interface Running {
  close(): Promise<void>
}

/** `mintmark serve`: everything, until a signal. */
export async function serve(config: Config, logger: Logger): Promise<Running> {
  const opened = await open(config, logger)
  try {
    await bootstrap(config, opened, logger)
    const rotation = startRotation(opened.operations, logger)
    const doors =
      config.workers > 1 ? await startWorkers(config, opened, logger) : await listen(config, opened, logger)
    return {
      close: async () => {
        rotation.close()
        await doors.close()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** One worker of several: serves, and leaves the rest to the first process. */
export async function serveAsWorker(config: Config, logger: Logger): Promise<Running> {
  const opened = await open(config, logger)
  const doors = await listen(config, opened, logger)
  return {
    close: async () => {
      await doors.close()
      await opened.close()
    },
  }
}

function open(config: Config, logger: Logger): Promise<OpenedOperations> {
  return openOperations({
    ...config,
    clock: systemClock,
    poolSize: 10,
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
  if (demo) printWelcome(config.publicUrl, demo)
}

async function listen(config: Config, { operations }: OpenedOperations, logger: Logger): Promise<Running> {
  const server = await buildServer(operations, {
    logger,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
  })
  await server.app.listen({ host: config.host, port: config.port })
  if (!cluster.isWorker) logger.info({ host: config.host, port: config.port }, `serving ${config.publicUrl}`)
  return {
    close: async () => {
      const cut = setTimeout(() => server.app.server.closeAllConnections(), CLOSE_SECONDS * 1000)
      await server.close()
      clearTimeout(cut)
    },
  }
}
