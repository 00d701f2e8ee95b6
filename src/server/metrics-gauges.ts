import { Counter, Gauge, type Registry } from 'prom-client'
import type { Measurements } from '../operations/upkeep/measurements.ts'

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
    'Age of the oldest status list served in the last five minutes; nodes sign each list again once a minute.',
    'max',
    (m) => m.statusListAgeSeconds,
  ],
  [
    'mintmark_issuer_keys_failing',
    'Sources of keys in use that cannot be fetched.',
    'max',
    (m) => m.issuerKeys?.failing,
  ],
  [
    'mintmark_issuer_keys_failing_seconds',
    'For how long the fetches of one source have failed (the longest); 0 when none fails.',
    'max',
    (m) => m.issuerKeys?.failingSeconds,
  ],
  [
    'mintmark_issuer_keys_stale_seconds',
    'For how long keys in use have been stale because fetches fail; after a day they are refused.',
    'max',
    (m) => m.issuerKeys?.staleSeconds,
  ],
  [
    'mintmark_replica_lag_seconds',
    'How old the data of the standby may be at most; beyond MAX_REPLICA_LAG the node reads the primary.',
    'max',
    (m) => m.replica?.lagSeconds,
  ],
  ['mintmark_webhooks_failing', 'Web hooks whose last attempt failed.', 'max', (m) => m.webhooks?.failing],
  [
    'mintmark_webhooks_overdue_seconds',
    'How long the oldest due delivery of a web hook has waited for a node to send it.',
    'max',
    (m) => m.webhooks?.overdueSeconds,
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

const LABELLED: readonly [name: string, help: string, label: string, read: ReadLabelled][] = [
  [
    'mintmark_replica_reads_total',
    'Reads for tokens, by the server that answered, where there is a standby to read.',
    'server',
    (m) => Object.entries(m.replica?.reads ?? {}),
  ],
  [
    'mintmark_issuer_key_fetches_total',
    'Fetches of the keys of issuers and accounts, by outcome.',
    'outcome',
    (m) => Object.entries(m.keyFetches),
  ],
  [
    'mintmark_platform_token_refusals_total',
    'Refused tokens of platforms, by reason.',
    'reason',
    (m) => m.platformTokenRefusals,
  ],
  [
    'mintmark_shadow_requests_total',
    'Token requests to realms in shadow mode, by outcome: issued, or the reason of the refusal.',
    'reason',
    (m) => m.shadowRequests,
  ],
  [
    'mintmark_quota_exceeded_total',
    'Token requests beyond a quota, by its mode: enforce (refused) or monitor (answered).',
    'mode',
    (m) => m.quotaExceeded,
  ],
]

type ReadLabelled = (measurements: Measurements) => Iterable<readonly [label: string, value: number]>

const POOLS = ['tokens', 'assertions', 'administration'] as const

type PoolReading = Measurements['connections']['tokens']

const POOL_READINGS: readonly [name: string, help: string, read: (pool: PoolReading) => number][] = [
  ['mintmark_database_connections', 'Open connections, by pool.', (pool) => pool.total],
  ['mintmark_database_connections_idle', 'Open connections without work, by pool.', (pool) => pool.idle],
  ['mintmark_database_waiting', 'Queries that wait for a connection, by pool.', (pool) => pool.waiting],
]

/** Metrics of what is measured when they are read. */
export function addGauges(registry: Registry, measure: () => Promise<Measurements>): void {
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
  addLabelled(registry, once)
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

function addLabelled(registry: Registry, measure: () => Promise<Measurements>): void {
  for (const [name, help, label, read] of LABELLED) {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        const values = read(await measure())
        this.reset()
        for (const [value, count] of values) this.inc({ [label]: value }, count)
      },
    })
  }
}
