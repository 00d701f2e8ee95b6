import cluster from 'node:cluster'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { VERSION } from '../config/version.ts'
import type { RequestOutcome } from '../http/request-log.ts'
import type { Measurements, MeasurementTaker } from '../operations/upkeep/measurements.ts'

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
  collectDefaultMetrics({ register: registry })
  AggregatorRegistry.setRegistries(registry)
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
  addGauges(registry, take)

  return {
    observeRequest({ route, status, seconds, realm, outcome }) {
      const kind = outcome === 'client_gone' ? outcome : `${Math.floor(status / 100)}xx`
      durations.observe({ route, status: kind }, seconds)
      if (route.endsWith('/openid-connect/token') && outcome !== undefined)
        grants.inc({ realm: outcome === 'unknown_realm' ? '' : labels.of(realm ?? ''), outcome })
    },
    read: () => (cluster.isWorker ? askPrimary() : registry.metrics()),
  }
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

type Reading = readonly [name: string, help: string, aggregator: 'sum' | 'max' | 'min', read: Read]
type Read = (measurements: Measurements) => number | undefined

const COUNTS: readonly [name: string, help: string, read: (measurements: Measurements) => number][] = [
  ['mintmark_client_lookups_total', 'Look-ups of clients.', (m) => m.lookups],
  ['mintmark_client_lookup_batches_total', 'Reads of the database that served them.', (m) => m.lookupBatches],
  [
    'mintmark_leaked_secrets_total',
    'Valid secrets that were reported to have leaked.',
    (m) => m.leakedSecrets,
  ],
]

const READINGS: readonly Reading[] = [
  ['mintmark_argon2_waiting', 'Secrets that wait for argon2id.', 'sum', (m) => m.argon2Waiting],
  ['mintmark_realms_loaded', 'Realms kept in memory.', 'sum', (m) => m.realmsLoaded],
  [
    'mintmark_status_list_age_seconds',
    'Age of the oldest status list given out since the last reading; each is signed anew once a minute.',
    'max',
    (m) => m.statusListAgeSeconds,
  ],
  ['mintmark_database_up', '1 when the database answers.', 'min', (m) => (m.keys ? 1 : 0)],
  [
    'mintmark_signing_key_oldest_age_seconds',
    'Age of the oldest key that signs.',
    'max',
    (m) => m.keys?.oldestCurrentAgeSeconds,
  ],
  [
    'mintmark_next_rotation_seconds',
    'Time to the next step of key rotation of any realm; negative when it is overdue.',
    'min',
    (m) => m.keys?.nextRotationSeconds,
  ],
]

const POOLS = ['tokens', 'administration'] as const

type PoolReading = Measurements['connections']['tokens']

const POOL_READINGS: readonly [name: string, help: string, read: (pool: PoolReading) => number][] = [
  ['mintmark_database_connections', 'Open connections, by pool.', (pool) => pool.total],
  ['mintmark_database_connections_idle', 'Open connections without work, by pool.', (pool) => pool.idle],
  ['mintmark_database_waiting', 'Queries that wait for a connection, by pool.', (pool) => pool.waiting],
]

function addGauges(registry: Registry, measure: () => Promise<Measurements>): void {
  // One measurement for all gauges of a scrape.
  let underway: Promise<Measurements> | undefined
  const once = () => {
    underway ??= measure().finally(() => {
      underway = undefined
    })
    return underway
  }
  for (const [name, help, read] of COUNTS) {
    new Counter({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = read(await once())
        this.reset()
        this.inc(value)
      },
    })
  }
  for (const [name, help, aggregator, read] of READINGS) {
    new Gauge({
      name,
      help,
      aggregator,
      registers: [registry],
      async collect() {
        const value = read(await once())
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }
  for (const [name, help, read] of POOL_READINGS) {
    new Gauge({
      name,
      help,
      labelNames: ['pool'],
      aggregator: 'sum',
      registers: [registry],
      async collect() {
        const { connections } = await once()
        for (const pool of POOLS) this.set({ pool }, read(connections[pool]))
      },
    })
  }
}

const ASK = 'mintmark:metrics'
const ASK_MILLISECONDS = 6000

/** Lets workers ask the first process for the metrics of all workers. */
export function answerWorkersMetrics(): void {
  const aggregator = new AggregatorRegistry()
  cluster.on('message', (worker, message: { type?: unknown; id?: unknown }) => {
    if (message?.type !== ASK) return
    aggregator.clusterMetrics().then(
      (text) => worker.send({ type: ASK, id: message.id, text }),
      () => {},
    )
  })
}

let asked = 0

function askPrimary(): Promise<string> {
  const id = asked++
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => done(() => reject(new Error('the first process does not answer'))),
      ASK_MILLISECONDS,
    )
    const listen = (message: { type?: unknown; id?: unknown; text?: string }) => {
      if (message.type === ASK && message.id === id) done(() => resolve(message.text ?? ''))
    }
    const done = (settle: () => void) => {
      clearTimeout(timer)
      process.off('message', listen)
      settle()
    }
    process.on('message', listen)
    process.send?.({ type: ASK, id })
  })
}
