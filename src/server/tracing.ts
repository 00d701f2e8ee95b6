import { hostname } from 'node:os'
import type { FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'
import { VERSION } from '../config/version.ts'
import { newId } from '../crypto/identifier.ts'
import { note } from '../http/request-log.ts'

/** Traces of requests, sent by OTLP over HTTP. */
export interface Tracing {
  readonly plugin: FastifyPluginCallback
  /** Sends the remaining spans, or drops them after a timeout. */
  close(): Promise<void>
}

/** Time limit to send the remaining spans at shutdown. */
const CLOSE_MILLISECONDS = 2000

/** Minimum time between two log lines about an unreachable collector. */
const COMPLAINT_MILLISECONDS = 60_000

/**
 * Starts OpenTelemetry's SDK, which reads the standard OTEL_… variables itself. Loads its libraries only here, so that
 * they cost nothing without tracing.
 */
export async function startTracing(logger: Logger): Promise<Tracing> {
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources')
  const { FastifyOtelInstrumentation } = await import('@fastify/otel')

  const own = resourceFromAttributes({
    'service.name': 'mintmark',
    'service.version': VERSION,
    'service.instance.id': newId(),
    'host.name': hostname(),
  })
  const exporter = new OTLPTraceExporter()
  const provider = new NodeTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        export: (spans, done) =>
          exporter.export(spans.map(withoutMessage), (result) => {
            if (result.error) complain(logger, result.error)
            done(result)
          }),
        shutdown: () => exporter.shutdown(),
        forceFlush: () => exporter.forceFlush(),
      }),
    ],
  })
  provider.register()
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => url.startsWith('/health/') || url === '/metrics',
    requestHook: (span, request) => {
      // A URL can hold anything: use the route's pattern, as the log does.
      const route = request.routeOptions.url ?? '(none)'
      span.setAttribute('url.path', route)
      span.updateName(`${request.method} ${route}`)
      note(request, { trace_id: span.spanContext().traceId })
    },
  })
  instrumentation.setTracerProvider(provider)
  return {
    plugin: instrumentation.plugin(),
    close: async () => {
      const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MILLISECONDS).unref())
      await Promise.race([provider.shutdown().catch(() => {}), late])
    },
  }
}

/** An error message may quote the request. */
function withoutMessage<Span extends { readonly status: { readonly code: number } }>(span: Span): Span {
  return Object.create(span, { status: { value: { code: span.status.code } } }) as Span
}

let complainedAt = Number.NEGATIVE_INFINITY

function complain(logger: Logger, err: Error): void {
  const now = performance.now()
  if (now - complainedAt < COMPLAINT_MILLISECONDS) return
  complainedAt = now
  logger.warn({ err }, 'traces could not be sent')
}
