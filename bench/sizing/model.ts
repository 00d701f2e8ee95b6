import { STATUS_LIST_SIZE } from '../../src/domain/status-list.ts'

/** What a deployment has to carry. */
export interface Demand {
  readonly tokensPerSecond: number
  readonly accounts: number
  readonly realms: number
  /** Microseconds of processor time that a token takes of the server; `npm run bench -- token` measures it. */
  readonly serverMicroseconds: number
  /** The same of PostgreSQL. */
  readonly postgresMicroseconds: number
  /** Cores of the largest PostgreSQL that you can have, as a primary or a standby. */
  readonly primaryCores: number
  /** In each of which there are servers, with an equal share of the load. */
  readonly regions: number
  /** In each region, that its servers read. 0: all servers read the primary. */
  readonly standbys: number
}

export interface Need {
  readonly what: string
  readonly amount: number
  readonly unit: string
  /** What one machine, or one primary, has of it; `undefined`: more machines give more. */
  readonly limit?: number | undefined
}

// Measured on PostgreSQL 15 with 40,000 realms of one account each, all of which had asked for tokens.
const BYTES_OF_ACCOUNT = 1300
const BYTES_OF_REALM = 1420
const BYTES_OF_OPEN_REALM = 8000
const MAX_OPEN_REALMS = 50_000
const BYTES_OF_WORKER = 150e6

/** What goes over the network for a token: to the client and back, to PostgreSQL and back. */
const BYTES_TO_CLIENT = 1700
const BYTES_TO_POSTGRES = 900

/** A core that is busier than this makes requests wait. */
const BUSY = 0.6

/** Last uses: a row a minute of each account that asks in it, and its share of the write-ahead log. */
const USES_SECONDS = 60
const BYTES_OF_USE = 250
const MICROSECONDS_OF_USE = 8

/** A standby replays in one process, however many cores it has: 2 to 10 microseconds for the row of a use. */
const MICROSECONDS_OF_REPLAY = 4

/** Each worker that reads a standby proves four times a second how new that is (docs/read-replicas.md): two small commits. */
const BEATS_A_SECOND = 4
const MICROSECONDS_OF_BEAT = 200
const BYTES_OF_BEAT = 600
const CONNECTIONS_OF_A_READER = 4

/** A worker opens ten at most and uses a few; beyond the second number they wait for each other in PostgreSQL. */
const CONNECTIONS_OF_A_WORKER = 4
const GOOD_CONNECTIONS = 2000

/** A list half of whose bits are set does not compress; it is sent in base64url. */
const BYTES_OF_LIST = (STATUS_LIST_SIZE / 8) * (4 / 3)
const LIST_SECONDS = 60

/** Of one machine, in Mbit/s. */
const NETWORK = 20_000

export function needs(demand: Demand): Need[] {
  return [...needsOfAll(demand), ...needsOfRegion(demand)]
}

/** What all regions share. */
function needsOfAll(demand: Demand): Need[] {
  const { tokensPerSecond: rate, accounts, realms, standbys, primaryCores: limit } = demand
  const { workers, beats, uses } = writesOf(demand)
  const readsOfPrimary = standbys === 0 ? rate : 0
  const writing = cores(uses, MICROSECONDS_OF_USE) + cores(beats, MICROSECONDS_OF_BEAT)
  return [
    { what: 'cores of servers', amount: cores(rate, demand.serverMicroseconds), unit: 'cores' },
    { what: 'memory of servers', amount: memoryOf(workers, realms), unit: 'GB' },
    {
      what: 'cores of the primary',
      amount: cores(readsOfPrimary, demand.postgresMicroseconds) + writing,
      unit: 'cores',
      limit,
    },
    {
      what: 'connections to the primary (PgBouncer beyond)',
      amount: workers * CONNECTIONS_OF_A_WORKER,
      unit: '',
      limit: GOOD_CONNECTIONS,
    },
    {
      what: 'data of accounts and realms, to be held in memory',
      amount: (accounts * BYTES_OF_ACCOUNT + realms * BYTES_OF_REALM) / 1e9,
      unit: 'GB',
    },
    { what: 'write-ahead log, to each standby', amount: logOf(demand), unit: 'Mbit/s' },
    {
      what: 'replay of each standby, which has one core for it',
      amount: cores(uses, MICROSECONDS_OF_REPLAY),
      unit: 'cores',
      limit: standbys === 0 ? undefined : 1,
    },
    { what: 'network to clients', amount: megabits(rate, BYTES_TO_CLIENT), unit: 'Mbit/s' },
    {
      what: 'network of the primary',
      amount: megabits(readsOfPrimary, BYTES_TO_POSTGRES) + logOf(demand) * Math.max(1, standbysOf(demand)),
      unit: 'Mbit/s',
      limit: NETWORK,
    },
    {
      what: 'status lists, to each resource server that reads all of them',
      amount: megabits(Math.ceil(accounts / STATUS_LIST_SIZE) / LIST_SECONDS, BYTES_OF_LIST),
      unit: 'Mbit/s',
    },
  ]
}

/** What one region costs, where its servers read standbys of their own. */
function needsOfRegion(demand: Demand): Need[] {
  const { regions, standbys, realms, primaryCores: limit } = demand
  if (standbys === 0) return []
  const rate = demand.tokensPerSecond / regions
  const { workers } = writesOf(demand)
  const workersHere = Math.ceil(workers / regions)
  return [
    { what: 'a region: cores of servers', amount: cores(rate, demand.serverMicroseconds), unit: 'cores' },
    { what: 'a region: memory of servers', amount: memoryOf(workersHere, realms), unit: 'GB' },
    {
      what: 'a region: cores of each standby',
      amount:
        cores(rate / standbys, demand.postgresMicroseconds) +
        cores(writesOf(demand).uses, MICROSECONDS_OF_REPLAY),
      unit: 'cores',
      limit,
    },
    {
      what: 'a region: connections to each standby',
      amount: (workersHere * CONNECTIONS_OF_A_READER) / standbys,
      unit: '',
      limit: GOOD_CONNECTIONS,
    },
    {
      what: 'a region: network of each standby',
      amount: megabits(rate / standbys, BYTES_TO_POSTGRES) + logOf(demand),
      unit: 'Mbit/s',
      limit: NETWORK,
    },
    {
      what: 'a region: network from the region of the primary',
      amount: logOf(demand) * standbys,
      unit: 'Mbit/s',
    },
  ]
}

/** Rows and beats that are written in a second, and by how many workers. */
function writesOf({ tokensPerSecond, accounts, serverMicroseconds, standbys }: Demand) {
  const workers = Math.max(1, Math.ceil(cores(tokensPerSecond, serverMicroseconds)))
  return {
    workers,
    beats: standbys === 0 ? 0 : workers * BEATS_A_SECOND,
    uses: Math.min(accounts / USES_SECONDS, tokensPerSecond),
  }
}

function logOf(demand: Demand): number {
  const { uses, beats } = writesOf(demand)
  return megabits(uses, BYTES_OF_USE) + megabits(beats, BYTES_OF_BEAT)
}

function standbysOf({ regions, standbys }: Demand): number {
  return regions * standbys
}

function memoryOf(workers: number, realms: number): number {
  return (workers * (BYTES_OF_WORKER + Math.min(realms, MAX_OPEN_REALMS) * BYTES_OF_OPEN_REALM)) / 1e9
}

function megabits(rate: number, bytes: number): number {
  return (rate * bytes * 8) / 1e6
}

/** The need that gets to its limit first as the rate grows, and the rate of tokens at which it does. */
export function endsFirst(demand: Demand): { readonly what: string; readonly tokensPerSecond: number } {
  const rates = needs(demand)
    .filter(({ limit }) => limit !== undefined)
    .map(({ what }) => ({ what, tokensPerSecond: highestRate(demand, what) }))
  rates.sort((a, b) => a.tokensPerSecond - b.tokensPerSecond)
  return rates[0] as (typeof rates)[number]
}

/** The highest rate at which a need is within its limit: each need grows with the rate, not always in proportion. */
function highestRate(demand: Demand, what: string): number {
  const fits = (tokensPerSecond: number) =>
    needs({ ...demand, tokensPerSecond }).every(
      (need) => need.what !== what || need.amount <= (need.limit ?? 0),
    )
  let [low, high] = [0, 1e9]
  while (high - low > 1) {
    const middle = Math.round((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

function cores(rate: number, microseconds: number): number {
  return (rate * microseconds) / 1e6 / BUSY
}
