import type { FastifyInstance, FastifyRequest } from 'fastify'
import { fingerprint } from '../crypto/fingerprint.ts'
import { getOnly } from './get-only.ts'
import { isLoopbackHost } from './host.ts'
import { note } from './request-log.ts'

export interface MetricsGuard {
  /** Whoever shows it as a Bearer token may read the metrics from anywhere. */
  readonly token: string | undefined
  /** This machine itself may read them without: only where no proxy on it could pass on requests of others. */
  readonly isOpenLocally: boolean
}

const RETRY_AFTER_SECONDS = 5

/** GET /metrics: Prometheus' text format, for holders of METRICS_TOKEN, and for this machine where that is safe. */
export function metricsRoute(
  app: FastifyInstance,
  readMetrics: () => Promise<string>,
  { token, isOpenLocally }: MetricsGuard,
): void {
  const isHolder = ({ headers: { authorization } }: FastifyRequest): boolean =>
    token !== undefined &&
    authorization !== undefined &&
    // Hashes are compared, so that the time taken tells nothing of the token.
    fingerprint(authorization.replace(/^Bearer +/i, '')) === fingerprint(token)

  getOnly(app, '/metrics')
  app.get('/metrics', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if (!isHolder(request) && !(isOpenLocally && isLocal(request)))
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer realm="metrics"')
        .send({ error: 'invalid_token', error_description: 'Metrics are for holders of METRICS_TOKEN.' })
    const text = await readMetrics().catch((error: Error) => {
      note(request, { outcome: 'temporarily_unavailable', reason: error.message })
    })
    if (text === undefined)
      return reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send({
        error: 'temporarily_unavailable',
        error_description: 'Not all processes of the server answer.',
      })
    return reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(text)
  })
}

// A proxy on this machine passes on requests of others, and says so.
const FORWARDED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
]

function isLocal({ socket, headers, raw: { url = '' } }: FastifyRequest): boolean {
  const address = socket.remoteAddress ?? ''
  const loopback = address === '::1' || /^(::ffff:)?127\./.test(address)
  // A page of another site that has its name resolve to this machine sends that name.
  const host = isLoopbackHost(headers.host ?? '')
  // RFC 9112 section 3.2.2: of an address with a host in it, as proxies are asked, that host counts.
  return loopback && host && url.startsWith('/') && !FORWARDED.some((name) => name in headers)
}
