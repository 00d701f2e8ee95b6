import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isRealmName } from '../domain/realm.ts'
import { clientAddress, proxyRequestId } from './client-address.ts'
import { traceIdOf } from './trace-id.ts'

/** Members of a request's log line beside method, route, status and time. */
export interface RequestNote {
  /** Where no route answers: the one that has other methods. */
  route?: string
  realm?: string
  client_id?: string | undefined
  /** The administrator: `realm/client_id`. */
  actor?: string
  /** Audience of the client's assertion: shows when a realm can do without the token endpoint's address. */
  assertion_audience?: string
  /** Trace of the server's own span; without one, of the `traceparent`. */
  trace_id?: string
  outcome?: string
  /** The quota that is used up and only monitored. */
  quota_exceeded?: string | undefined
  /** For the operator only. */
  reason?: string | undefined
}

/** Labels of an answered request. */
export interface RequestOutcome {
  /** The route's pattern; `(none)` if no route matches. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  readonly realm: string | undefined
  readonly outcome: string | undefined
}

const NOTE = Symbol('note')
const REQUEST = Symbol('request')

type Noted = FastifyRequest & { [NOTE]?: RequestNote | null }

/** nginx's status, in no standard, for a client that left before the answer. */
const CLIENT_GONE = 499

export function note(request: FastifyRequest, more: RequestNote): void {
  const known = (request as Noted)[NOTE]
  if (known) Object.assign(known, more)
  else (request as Noted)[NOTE] = { ...more }
}

/** Logs a fault of the server. The line of its request has the same reqId. */
export function logFault(request: FastifyRequest, error: unknown): void {
  request.log.error({ reqId: request.id, err: error }, 'fault')
}

/** The realm's name if it is valid; a URL can contain anything. */
export function loggableRealm(name: string): string {
  return isRealmName(name) ? name : '(not a realm name)'
}

/** The client_id if the server made it. Anything else could be a secret in the wrong field. */
export function loggableClientId(clientId: string | undefined): string | undefined {
  return clientId !== undefined && /^sa_[0-9a-f]{30}$/.test(clientId) ? clientId : undefined
}

/** Notes a client that has proved who it is. */
export function noteClient(
  request: FastifyRequest,
  client: { readonly account: { readonly clientId: string }; readonly assertedAudience?: string | undefined },
): void {
  const { account, assertedAudience } = client
  note(request, { client_id: account.clientId })
  if (assertedAudience !== undefined) note(request, { assertion_audience: assertedAudience })
}

/** Logs one line per request, answered or not, with the route's pattern instead of the URL, which can contain anything. */
export function logRequests(app: FastifyInstance, observe: (outcome: RequestOutcome) => void): void {
  app.decorateRequest(NOTE, null)

  function log(request: FastifyRequest, reply: FastifyReply, status: number): void {
    const known = (request as Noted)[NOTE]
    const route = known?.route ?? request.routeOptions.url
    const ms = reply.elapsedTime
    observe({
      route: route ?? '(none)',
      status,
      seconds: ms / 1000,
      realm: known?.realm,
      outcome: known?.outcome,
    })
    if (route?.startsWith('/health/') && status < 400) return
    request.log.info(
      {
        reqId: request.id,
        method: request.method,
        route,
        status,
        ms: Math.round(ms * 10) / 10,
        address: clientAddress(request),
        trace_id: traceIdOf(request.headers['traceparent']),
        request_id: proxyRequestId(request),
        ...known,
      },
      'request',
    )
  }

  // One function for all requests; its data is kept with the response.
  function onClose(this: Response): void {
    const pending = this[REQUEST]
    if (!pending || this.writableFinished) return
    this[REQUEST] = undefined
    note(pending.request, { outcome: 'client_gone' })
    log(pending.request, pending, CLIENT_GONE)
  }

  app.addHook('onRequest', (_request, reply, done) => {
    const response = reply.raw as Response
    response[REQUEST] = reply
    response.on('close', onClose)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const response = reply.raw as Response
    if (response[REQUEST]) log(request, reply, reply.statusCode)
    response[REQUEST] = undefined
    done()
  })
}

type Response = FastifyReply['raw'] & { [REQUEST]?: FastifyReply | undefined }
