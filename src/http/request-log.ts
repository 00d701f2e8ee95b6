import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isRealmName } from '../domain/realm.ts'
import { clientAddress } from './client-address.ts'

/** What a request's one line says beside method, route, status and time. */
export interface RequestNote {
  realm?: string
  client_id?: string | undefined
  /** Who administers: `realm/client_id`. */
  actor?: string
  outcome?: string
  /** For the operator alone. */
  reason?: string | undefined
}

/** What is counted of an answered request. */
export interface RequestOutcome {
  /** The route's pattern; `(none)` where no route fits. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  readonly realm: string | undefined
  readonly outcome: string | undefined
}

const NOTE = Symbol('note')

type Noted = FastifyRequest & { [NOTE]?: RequestNote | null }

export function note(request: FastifyRequest, more: RequestNote): void {
  const known = (request as Noted)[NOTE]
  if (known) Object.assign(known, more)
  else (request as Noted)[NOTE] = { ...more }
}

/** What went wrong on our side; the line of its request has the same reqId. */
export function logFault(request: FastifyRequest, error: unknown): void {
  request.log.error({ reqId: request.id, err: error }, 'fault')
}

/** A realm's name, if it could be one: anything can stand in a URL. */
export function loggableRealm(name: string): string {
  return isRealmName(name) ? name : '(not a realm name)'
}

/** A client_id that may be logged: one of the server's making. Anything else could be a secret in the wrong field. */
export function loggableClientId(clientId: string | undefined): string | undefined {
  return clientId !== undefined && /^sa_[0-9a-f]{30}$/.test(clientId) ? clientId : undefined
}

/** One line a request. The route's pattern stands for the URL, since anything can be in a URL. */
export function logRequests(app: FastifyInstance, observe: (outcome: RequestOutcome) => void): void {
  app.decorateRequest(NOTE, null)
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url
    const known = (request as Noted)[NOTE]
    observe({
      route: route ?? '(none)',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
      realm: known?.realm,
      outcome: known?.outcome,
    })
    if (route?.startsWith('/health/') && reply.statusCode < 400) return done()
    request.log.info(
      {
        reqId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        address: clientAddress(request),
        ...known,
      },
      'request',
    )
    done()
  })
}
