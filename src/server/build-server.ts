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
import { IMPORT_MILLISECONDS } from '../http/admin/ndjson.ts'
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
import { answerOAuthError } from '../http/oauth/oauth-error-handler.ts'
import { postOnly } from '../http/oauth/post-only.ts'
import { revocationRoute } from '../http/oauth/revocation.ts'
import { statusListRoute } from '../http/oauth/status-list.ts'
import { tokenRoute } from '../http/oauth/token.ts'
import { DEFAULT_MAX_IN_FLIGHT, shedOverload } from '../http/overload.ts'
import { portalRoutes } from '../http/portal/portal.ts'
import { logRequests } from '../http/request-log.ts'
import { scope } from '../http/scope.ts'
import { refuseUnknownMethods } from '../http/unknown-methods.ts'
import { refuseUnreadableAddress } from '../http/unreadable-address.ts'
import { answerUnreadableRequest, refuseConnect } from '../http/unreadable-request.ts'
import type { Operations } from '../operations/operations.ts'
import { createDrain, type Drain } from './connections.ts'
import { createMetrics } from './metrics.ts'

const REQUEST_MILLISECONDS = 10_000

/** Optional front doors. The protocol is always served. */
export const FRONT_DOORS = ['portal', 'admin'] as const
export type FrontDoor = (typeof FRONT_DOORS)[number]

export interface ServerOptions {
  readonly logger: Logger
  readonly trustProxy: TrustedProxies
  readonly metricsToken?: string | undefined
  /** Whether the metrics need no token from this machine. */
  readonly areMetricsOpenLocally: boolean
  /** Called for every request. */
  readonly tracing?: FastifyPluginCallback | undefined
  /** Time limit to receive a whole request. Default 10 s. */
  readonly requestTimeoutMilliseconds?: number
  /** Maximum of protocol requests at once. Default 2000. */
  readonly maxInFlight?: number
  readonly publicUrl: string
  /** Documentation that the portal's help links lead to. Default: no help links. */
  readonly docsUrl?: string | undefined
  /** Default: all. */
  readonly frontDoors?: readonly FrontDoor[]
  /** Rate limit of the admin API. */
  readonly rateLimits?: RateLimits
}

/** Time limit of requests in flight at shutdown; then their connections are closed. */
const CLOSE_SECONDS = 10

export interface Server {
  readonly app: FastifyInstance
  /** Readiness becomes 503, and each connection ends with its next answer; new ones are still accepted. */
  drain(): void
  /**
   * Stops accepting connections; finishes requests in flight.
   * @throws Error if requests in flight took too long and were cut
   */
  close(): Promise<void>
}

/** Registers the front doors on a server that does not listen yet. */
export async function buildServer(operations: Operations, options: ServerOptions): Promise<Server> {
  const { trustProxy, metricsToken, frontDoors = FRONT_DOORS } = options
  const drain = createDrain()
  const app = createApp(options, drain)
  if (options.tracing) await app.register(options.tracing)
  const metrics = createMetrics(operations.measurements)
  readClientAddresses(app, trustProxy)
  logRequests(app, metrics.observeRequest)
  limitBodyTime(app, options.requestTimeoutMilliseconds ?? REQUEST_MILLISECONDS)
  refuseUnknownMethods(app)
  requireOneHost(app)
  refuseAmbiguity(app, options.publicUrl)
  app.setErrorHandler(answerOAuthError)
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }))
  homeRoute(app)
  const metricsAccess = { token: metricsToken, isOpenLocally: options.areMetricsOpenLocally }
  await app.register(scope('health', async (health) => healthRoutes(health, operations, drain.isDraining)))
  await app.register(scope('metrics', async (at) => metricsRoute(at, metrics.read, metricsAccess)))
  await app.register(scope('oauth', async (oauth) => protocolRoutes(oauth, operations, options)))
  await app.register(scope('leaked-secrets', async (reports) => reportRoutes(reports, operations, options)))
  const register = { portal: portalRoutes, admin: adminApi }
  for (const door of frontDoors)
    await app.register(scope(door, async (at) => register[door](at, operations, options)))
  await app.ready()
  return { app, drain: drain.start, close: () => close(app, drain) }
}

async function protocolRoutes(
  oauth: FastifyInstance,
  operations: Operations,
  { publicUrl, maxInFlight = DEFAULT_MAX_IN_FLIGHT }: ServerOptions,
): Promise<void> {
  shedOverload(oauth, maxInFlight)
  await acceptForms(oauth)
  oauth.setErrorHandler(answerOAuthError)
  tokenRoute(oauth, operations)
  postOnly(oauth, '/realms/:realm/protocol/openid-connect/token')
  introspectionRoute(oauth, operations, publicUrl)
  postOnly(oauth, '/realms/:realm/protocol/openid-connect/token/introspect')
  revocationRoute(oauth, operations)
  postOnly(oauth, '/realms/:realm/protocol/openid-connect/revoke')
  jwksRoute(oauth, operations)
  discoveryRoutes(oauth, operations)
  authorizationRoute(oauth, operations)
  statusListRoute(oauth, operations)
}

async function reportRoutes(
  reports: FastifyInstance,
  operations: Operations,
  { maxInFlight = DEFAULT_MAX_IN_FLIGHT }: ServerOptions,
): Promise<void> {
  shedOverload(reports, maxInFlight)
  await leakedSecretsRoute(reports, operations)
  postOnly(reports, '/realms/:realm/leaked-secrets')
  postOnly(reports, '/leaked-secrets')
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
    // A logger per request would add only the request's id, which its log line has already.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    rewriteUrl: addressReader(publicUrl),
    frameworkErrors: refuseUnreadableAddress,
    clientErrorHandler: answerUnreadableRequest,
    routerOptions: { maxParamLength: 200, caseSensitive: true },
    // Time limit of the slowest route; limitBodyTime gives each request its own.
    requestTimeout: Math.max(requestTimeoutMilliseconds, IMPORT_MILLISECONDS),
    // Slightly longer, so that a slow sender gets an answer first.
    connectionTimeout: requestTimeoutMilliseconds + 2 * BODY_SWEEP_MILLISECONDS,
    // Ends connections that send only a byte now and then.
    http: {
      headersTimeout: requestTimeoutMilliseconds / 2,
      connectionsCheckingInterval: 500,
      ServerResponse: drain.ServerResponse,
    },
  })
  drain.watch(app.server)
  refuseConnect(app)
  return app
}
