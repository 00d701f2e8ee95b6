import type { FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'

/** Traces of requests, sent by OTLP over HTTP. */
export interface Tracing {
  readonly plugin: FastifyPluginCallback
  /** Sends what is left, or gives it up. */
  close(): Promise<void>
}

/** What is left when the server stops may take this long to be sent. */
const CLOSE_MILLISECONDS = 2000

/** A collector that cannot be reached is told of no more often than this. */
const COMPLAINT_MILLISECONDS = 60_000

/**
 * Starts OpenTelemetry's SDK, which reads the variables OTEL_… of its specification itself. Its libraries are loaded only
 * here, so that whoever wants no traces pays nothing.
 */
export async function startTracing(logger: Logger): Promise<Tracing> {
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources')
  const { FastifyOtelInstrumentation } = await import('@fastify/otel')

  const own = resourceFromAttributes({ 'service.name': 'mintmark' })
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
    requestHook: (span, request) => {
      // Anything can be in a URL: the route's pattern stands for it, as in the log.
      const route = request.routeOptions.url ?? '(none)'
      span.setAttribute('url.path', route)
      span.updateName(`${request.method} ${route}`)
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

/** An error's message may quote what was sent. */
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
