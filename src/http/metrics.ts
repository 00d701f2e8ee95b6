import type { FastifyInstance, FastifyRequest } from 'fastify'
import { fingerprint } from '../crypto/fingerprint.ts'
import { getOnly } from './get-only.ts'
import { isLoopbackHost } from './host.ts'
import { note } from './request-log.ts'

export interface MetricsGuard {
  /** Bearer token that allows reading the metrics from anywhere. */
  readonly token: string | undefined
  /** Whether this machine needs no token: only if no proxy on it can forward requests of others. */
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
    // Compares hashes, so that timing reveals nothing about the token.
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

// A proxy on this machine forwards requests of others, and says so.
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
  // A site whose name resolves to this machine (DNS rebinding) sends its own name.
  const host = isLoopbackHost(headers.host ?? '')
  // RFC 9112 section 3.2.2: in the absolute form, the host of the URL counts.
  return loopback && host && url.startsWith('/') && !FORWARDED.some((name) => name in headers)
}
