const OTLP =
  '(ENDPOINT|HEADERS|PROTOCOL|TIMEOUT|COMPRESSION|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE|INSECURE)'
const LIMITS =
  '(ATTRIBUTE|SPAN|SPAN_ATTRIBUTE|EVENT_ATTRIBUTE|LINK_ATTRIBUTE|SPAN_EVENT|SPAN_LINK)_(COUNT|VALUE_LENGTH)_LIMIT'

/** OpenTelemetry's variables about traces. Kubernetes sets other variables that begin with OTEL_ for services of that name. */
const SPECIFIED = new RegExp(
  `^OTEL_(SDK_DISABLED|SERVICE_NAME|RESOURCE_ATTRIBUTES|LOG_LEVEL|PROPAGATORS|TRACES_(EXPORTER|SAMPLER|SAMPLER_ARG)|` +
    `EXPORTER_OTLP_(TRACES_)?${OTLP}|BSP_(SCHEDULE_DELAY|EXPORT_TIMEOUT|MAX_QUEUE_SIZE|MAX_EXPORT_BATCH_SIZE)|${LIMITS})$`,
)

/** Only decides whether tracing is on; the SDK reads the variables itself. */
export function readTracing(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none')
    return false
  return Object.entries(env).some(([name, value]) => SPECIFIED.test(name) && value?.trim())
}
