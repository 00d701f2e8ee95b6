import cluster from 'node:cluster'
import type { Logger } from 'pino'
import { VERSION } from '../config/version.ts'
import type { Config } from '../config.ts'
import { SERVER_ACTOR } from '../domain/actor.ts'
import { systemClock } from '../domain/clock.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { SYSTEM_REALM } from '../domain/realm.ts'
import { isLoopbackHost } from '../http/host.ts'
import { DEMO_REALM } from '../operations/accounts/bootstrap.ts'
import { type OpenedOperations, openOperations } from '../operations/open.ts'
import { startExpiry } from './jobs/expiry.ts'
import { startKeyHolding } from './jobs/key-holding.ts'
import { startRotation } from './jobs/rotation.ts'
import { startUseWriter } from './jobs/use-writer.ts'
import { startWebhooks } from './jobs/webhooks.ts'
import { memoryOfProcess } from './memory.ts'
import type { Prepared } from './prepare.ts'
import { applyRealmFile } from './realm-file.ts'
import { closeAll, type Running } from './stop.ts'
import { startTracing } from './tracing.ts'
import { printWelcome } from './welcome.ts'
import { sayThatItListens, startWorkers } from './workers.ts'

/** How long to wait for the database at start-up. */
const DATABASE_WAIT_SECONDS = 60

/** A server, or the workers that serve. */
type Door = Required<Running>

/** Connections to the database of all workers together, with at least two for each worker. */
const CONNECTIONS = 60
const CONNECTIONS_OF_A_WORKER = 10

/**
 * `mintmark serve`: starts everything and runs until it is closed.
 * @param signal ends the wait for a database or for workers
 */
export async function serve(
  { config, cluster }: Prepared,
  logger: Logger,
  signal: AbortSignal,
): Promise<Running> {
  // With workers, the first process answers no requests, so it reads no standby.
  const { readReplica } = config
  const first = { ...config, readReplica: config.workers > 1 ? undefined : readReplica }
  const opening = open({ ...first, cluster }, logger, signal)
  if (config.workers === 1) loadMeanwhile()
  const opened = await opening
  try {
    await bootstrap(config, opened, logger)
    const doors =
      config.workers > 1
        ? await startWorkers(config, opened, logger, signal)
        : await listen(config, opened, logger)
    const rotation = startRotation(opened.operations, logger)
    const expiry = startExpiry(opened.operations, logger)
    const webhooks = startWebhooks(opened.operations, logger)
    const keyHolding = startKeyHolding(opened.operations, config.port, logger)
    const running = [doors, rotation, expiry, webhooks, keyHolding, opened]
    return { drain: doors.drain, close: () => closeAll(running) }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** One of several workers: serves, and leaves the jobs to the first process. */
export async function serveAsWorker(config: Config, logger: Logger, signal: AbortSignal): Promise<Running> {
  const opened = await open(config, logger, signal)
  const doors = await listen(config, opened, logger)
  sayThatItListens()
  return { drain: doors.drain, close: () => closeAll([doors, opened]) }
}

/** Loads routes and pages while the database is not open yet. What fails is told where they are used. */
function loadMeanwhile(): void {
  setImmediate(() => void import('./build-server.ts').catch(() => {}))
}

function open(
  config: Config & Partial<Pick<Prepared, 'cluster'>>,
  logger: Logger,
  signal: AbortSignal,
): Promise<OpenedOperations> {
  const share = Math.floor(CONNECTIONS / config.workers)
  return openOperations({
    ...config,
    signal,
    clock: systemClock,
    poolSize: Math.max(2, Math.min(share, CONNECTIONS_OF_A_WORKER)),
    databaseWaitSeconds: DATABASE_WAIT_SECONDS,
    memoryBytes: memoryOfProcess(config.workers),
    log: (message, error) => logger.warn({ err: error }, message),
  })
}

async function bootstrap(
  config: Config,
  { operations, migrated, unknownMigrations }: OpenedOperations,
  logger: Logger,
): Promise<void> {
  if (migrated.length > 0) logger.info({ migrated }, 'database migrated')
  if (unknownMigrations.length > 0)
    logger.warn(
      { migrations: unknownMigrations },
      'the database has migrations that this version does not know: a newer version migrated it',
    )
  if (config.bootstrapAdmin) {
    const { clientId, clientSecret } = config.bootstrapAdmin
    if (await operations.bootstrap.createAdministrator(clientId, clientSecret))
      logger.info({ client_id: clientId }, 'platform administrator created in realm system')
    else if (!(await letsIn(operations, clientId, clientSecret)))
      logger.warn(
        { client_id: clientId },
        'BOOTSTRAP_ADMIN_CLIENT_SECRET is not a secret of this client: the variable makes the first administrator and changes none that exists; to replace a secret: mintmark service-account reset-secret --realm system <client_id>',
      )
  }
  if (config.singleSignOn?.platformValue !== undefined) await operations.bootstrap.openPlatform()
  if (config.realmFile !== undefined) await applyRealmFile(config.realmFile, operations, logger)
  if (config.databaseUrl !== undefined) return
  const demo = await operations.bootstrap.createDemo()
  if (!demo) return
  const { url } = await operations.portal.createLink(SERVER_ACTOR, DEMO_REALM)
  printWelcome({ publicUrl: config.publicUrl, dataDir: config.dataDir, demo, portalLink: url })
}

async function letsIn(operations: OpenedOperations['operations'], clientId: string, clientSecret: string) {
  // Not on a client's road: a failure here delays no request.
  const entered = operations.clients.authenticate(SYSTEM_REALM, { clientId, clientSecret }, 'bootstrap')
  return entered.then(
    () => true,
    (error: unknown) => {
      if (error instanceof OAuthError) return false
      throw error
    },
  )
}

async function listen(config: Config, { operations }: OpenedOperations, logger: Logger): Promise<Door> {
  // Loaded only here: a first process that has workers needs neither routes nor pages.
  const { buildServer } = await import('./build-server.ts')
  const tracing = config.tracing ? await startTracing(logger) : undefined
  const server = await buildServer(operations, {
    logger,
    tracing: tracing?.plugin,
    trustProxy: config.trustProxy,
    metricsToken: config.metricsToken,
    // A proxy on this machine forwards requests of others as its own, so a public server always requires the token.
    areMetricsOpenLocally: config.trustProxy === 0 && isLoopbackHost(new URL(config.publicUrl).host),
    publicUrl: config.publicUrl,
    docsUrl: config.docsUrl,
  })
  const listening = {
    host: config.host,
    port: config.port,
    // On Linux each worker has its own socket and the kernel balances connections; elsewhere workers share one.
    reusePort: cluster.isWorker && process.platform === 'linux',
    listenTextResolver: (address: string) =>
      `listening on ${address}, serving ${config.publicUrl}, version ${VERSION}`,
  }
  await server.app.listen(listening)
  const uses = startUseWriter(operations, logger)
  return { drain: server.drain, close: () => closeAll([server, uses, tracing]) }
}
