import cluster from 'node:cluster'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { VERSION } from '../config/version.ts'
import type { RequestOutcome } from '../http/request-log.ts'
import type { MeasurementTaker } from '../operations/upkeep/measurements.ts'
import { addGauges } from './metrics-gauges.ts'
import { askPrimary } from './worker-metrics.ts'

/** Realms with a label of their own; the others share one, which bounds the number of series. */
const MAX_REALM_LABELS = 100

export interface Metrics {
  /** Records an answered request. */
  observeRequest(outcome: RequestOutcome): void
  /** All metrics in Prometheus' text format, of all workers. */
  read(): Promise<string>
}

/** Values that are read on each scrape, and whether a realm exists. */
export function createMetrics({ take, isRealmLoaded }: MeasurementTaker): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const all = [registryOfProcess(), registry]
  AggregatorRegistry.setRegistries(all)
  // Created for its side effect: a worker then answers when the first process collects metrics.
  if (cluster.isWorker) new AggregatorRegistry()
  // Anybody can request tokens of realms that do not exist.
  const labels = new BoundedLabels(MAX_REALM_LABELS, isRealmLoaded)
  const grants = new Counter({
    name: 'mintmark_token_requests_total',
    help: 'Token requests by outcome: issued, or the error code of the refusal.',
    labelNames: ['realm', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'mintmark_request_duration_seconds',
    help: 'Time from the request line to the end of the answer.',
    labelNames: ['route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  new Gauge({
    name: 'mintmark_build_info',
    help: 'Always 1; the label is the version.',
    labelNames: ['version'],
    aggregator: 'max',
    registers,
  }).set({ version: VERSION }, 1)
  new Gauge({ name: 'mintmark_workers', help: 'Processes that serve.', registers }).set(1)
  addGauges(registry, take)

  return {
    observeRequest({ route, status, seconds, realm, outcome }) {
      const kind = outcome === 'client_gone' ? outcome : `${Math.floor(status / 100)}xx`
      durations.observe({ route, status: kind }, seconds)
      if (route.endsWith('/openid-connect/token') && outcome !== undefined)
        grants.inc({ realm: outcome === 'unknown_realm' ? '' : labels.of(realm ?? ''), outcome })
    },
    read: () => (cluster.isWorker ? askPrimary() : Registry.merge(all).metrics()),
  }
}

let ofProcess: Registry | undefined

/** Observers of the event loop and the garbage collector: one set, however many servers a process builds. */
function registryOfProcess(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

class BoundedLabels {
  readonly #known = new Set<string>()
  readonly #max: number
  readonly #isReal: (value: string) => boolean

  constructor(max: number, isReal: (value: string) => boolean) {
    this.#max = max
    this.#isReal = isReal
  }

  of(value: string): string {
    if (this.#known.size < this.#max && this.#isReal(value)) this.#known.add(value)
    return this.#known.has(value) ? value : '(other)'
  }
}
