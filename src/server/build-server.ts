import type { Socket } from 'node:net'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginCallback,
  fastify,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import { addressReader } from '../http/addresses.ts'
import { adminApi } from '../http/admin/admin-api.ts'
import { IMPORT_MILLISECONDS } from '../http/admin/protected-resource-import.ts'
import type { RateLimits } from '../http/admin/rate-limits.ts'
import { refuseAmbiguity } from '../http/ambiguous-requests.ts'
import { BODY_SWEEP_MILLISECONDS, limitBodyTime } from '../http/body-time.ts'
import { readClientAddresses, type TrustedProxies } from '../http/client-address.ts'
import { healthRoutes } from '../http/health.ts'
import { homeRoute } from '../http/home.ts'
import { requireOneHost } from '../http/host.ts'
import { metricsRoute } from '../http/metrics.ts'
import { authorizationRoute } from '../http/oauth/authorization.ts'
import { discoveryRoutes } from '../http/oauth/discovery.ts'
import { acceptForms } from '../http/oauth/form.ts'
import { introspectionRoute } from '../http/oauth/introspection.ts'
import { jwksRoute } from '../http/oauth/jwks.ts'
import { leakedSecretsRoute } from '../http/oauth/leaked-secrets.ts'
import { oauthErrorHandler } from '../http/oauth/oauth-error-handler.ts'
import { postOnly } from '../http/oauth/post-only.ts'
import { revocationRoute } from '../http/oauth/revocation.ts'
import { statusListRoute } from '../http/oauth/status-list.ts'
import { tokenRoute } from '../http/oauth/token.ts'
import { DEFAULT_MAX_IN_FLIGHT, shedOverload } from '../http/overload.ts'
import { portalRoutes } from '../http/portal/portal.ts'
import { logRequests } from '../http/request-log.ts'
import { refuseUnreadableAddress } from '../http/unreadable-address.ts'
import type { Operations } from '../operations/operations.ts'
import { createDrain, type Drain } from './connections.ts'
import { createMetrics } from './metrics.ts'

const REQUEST_MILLISECONDS = 10_000

export interface ServerOptions {
  readonly logger: Logger
  readonly trustProxy: TrustedProxies
  readonly metricsToken?: string | undefined
  /** Whether this machine may read the metrics without a token. */
  readonly areMetricsOpenLocally: boolean
  /** Sees every request. */
  readonly tracing?: FastifyPluginCallback | undefined
  /** A request has to have arrived whole within this time. Default 10 s. */
  readonly requestTimeoutMilliseconds?: number
  /** Requests of the protocol under way at once. Default 2000. */
  readonly maxInFlight?: number
  readonly publicUrl: string
  /** Of the admin API. */
  readonly rateLimits?: RateLimits
}

/** What is in flight may take this long once the server was told to stop; then it is cut. */
const CLOSE_SECONDS = 10

export interface Server {
  readonly app: FastifyInstance
  /** Readiness ends, and each connection with its next answer; new ones are still taken. */
  drain(): void
  /**
   * No new connection is taken; what is in flight is finished.
   * @throws Error where that took too long and was cut
   */
  close(): Promise<void>
}

/** Puts all front doors on a server that has yet to listen. */
export async function buildServer(operations: Operations, options: ServerOptions): Promise<Server> {
  const { trustProxy, metricsToken, maxInFlight = DEFAULT_MAX_IN_FLIGHT } = options
  const drain = createDrain()
  const app = createApp(options, drain)
  if (options.tracing) await app.register(options.tracing)
  const metrics = createMetrics(operations)
  readClientAddresses(app, trustProxy)
  logRequests(app, metrics.observeRequest)
  limitBodyTime(app, options.requestTimeoutMilliseconds ?? REQUEST_MILLISECONDS)
  requireOneHost(app)
  refuseAmbiguity(app, options.publicUrl)
  app.setErrorHandler(oauthErrorHandler(operations))
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }))
  homeRoute(app)
  await app.register(async (scope) => healthRoutes(scope, operations, drain.isDraining))
  await app.register(async (scope) =>
    metricsRoute(scope, operations, metrics.read, {
      token: metricsToken,
      isOpenLocally: options.areMetricsOpenLocally,
    }),
  )
  await app.register(async (oauth) => {
    shedOverload(oauth, maxInFlight)
    await acceptForms(oauth)
    oauth.setErrorHandler(oauthErrorHandler(operations))
    tokenRoute(oauth, operations)
    postOnly(oauth, '/realms/:tenant/protocol/openid-connect/token')
    introspectionRoute(oauth, operations)
    postOnly(oauth, '/realms/:tenant/protocol/openid-connect/token/introspect')
    revocationRoute(oauth, operations)
    postOnly(oauth, '/realms/:tenant/protocol/openid-connect/revoke')
    jwksRoute(oauth, operations)
    discoveryRoutes(oauth, operations)
    authorizationRoute(oauth, operations)
    statusListRoute(oauth, operations)
  })
  await app.register(async (reports) => {
    shedOverload(reports, maxInFlight)
    await leakedSecretsRoute(reports, operations)
    postOnly(reports, '/realms/:tenant/leaked-secrets')
    postOnly(reports, '/leaked-secrets')
  })
  await app.register(async (portal) => portalRoutes(portal, operations))
  await app.register(async (admin) => adminApi(admin, operations, options))
  await app.ready()
  return { app, drain: drain.start, close: () => close(app, drain) }
}

async function close(app: FastifyInstance, drain: Drain): Promise<void> {
  drain.start()
  const leaveSilentConnections = drain.endSilentConnections()
  let isCut = false
  app.server.on('timeout', (socket: Socket) => {
    isCut = true
    socket.destroy()
  })
  const cut = setTimeout(() => {
    isCut = true
    app.server.closeAllConnections()
  }, CLOSE_SECONDS * 1000)
  await app.close().finally(() => {
    clearTimeout(cut)
    leaveSilentConnections()
  })
  if (isCut) throw new Error(`requests under way were cut after ${CLOSE_SECONDS} s`)
}

function createApp(
  { logger, publicUrl, requestTimeoutMilliseconds = REQUEST_MILLISECONDS }: ServerOptions,
  drain: Drain,
): FastifyInstance {
  const app = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // A logger for each request would say its id and no more, which its line says itself.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    rewriteUrl: addressReader(publicUrl),
    frameworkErrors: refuseUnreadableAddress,
    routerOptions: { maxParamLength: 200, caseSensitive: true },
    // Of the route that may take the longest; each request is held to its own by limitBodyTime.
    requestTimeout: Math.max(requestTimeoutMilliseconds, IMPORT_MILLISECONDS),
    // A little longer, so that who sends too slowly is told so before.
    connectionTimeout: requestTimeoutMilliseconds + 2 * BODY_SWEEP_MILLISECONDS,
    // Whoever sends a byte now and then does not keep a connection for long.
    http: {
      headersTimeout: requestTimeoutMilliseconds / 2,
      connectionsCheckingInterval: 500,
      ServerResponse: drain.ServerResponse,
    },
  })
  drain.watch(app.server)
  return app
}
