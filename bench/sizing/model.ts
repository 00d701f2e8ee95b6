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
  /** Cores of the largest PostgreSQL primary that you can have. */
  readonly primaryCores: number
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

/** A worker opens ten at most and uses a few; beyond the second number they wait for each other in PostgreSQL. */
const CONNECTIONS_OF_A_WORKER = 4
const GOOD_CONNECTIONS = 2000

/** A list half of whose bits are set does not compress; it is sent in base64url. */
const BYTES_OF_LIST = (STATUS_LIST_SIZE / 8) * (4 / 3)
const LIST_SECONDS = 60

export function needs(demand: Demand): Need[] {
  const { tokensPerSecond: rate, accounts, realms } = demand
  const serverCores = cores(rate, demand.serverMicroseconds)
  const workers = Math.max(1, Math.ceil(serverCores))
  const open = Math.min(realms, MAX_OPEN_REALMS) * BYTES_OF_OPEN_REALM
  const active = Math.min(accounts, rate * USES_SECONDS)
  const lists = Math.ceil(accounts / STATUS_LIST_SIZE)
  return [
    { what: 'cores of servers', amount: serverCores, unit: 'cores' },
    { what: 'memory of servers', amount: (workers * (BYTES_OF_WORKER + open)) / 1e9, unit: 'GB' },
    {
      what: 'cores of the primary',
      amount: cores(rate, demand.postgresMicroseconds) + cores(active / USES_SECONDS, MICROSECONDS_OF_USE),
      unit: 'cores',
      limit: demand.primaryCores,
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
    {
      what: 'write-ahead log of last uses, to each standby',
      amount: ((active / USES_SECONDS) * BYTES_OF_USE * 8) / 1e6,
      unit: 'Mbit/s',
    },
    { what: 'network to clients', amount: (rate * BYTES_TO_CLIENT * 8) / 1e6, unit: 'Mbit/s' },
    {
      what: 'network to PostgreSQL',
      amount: (rate * BYTES_TO_POSTGRES * 8) / 1e6,
      unit: 'Mbit/s',
      limit: 20_000,
    },
    {
      what: 'status lists, to each resource server that reads all of them',
      amount: (lists * BYTES_OF_LIST * 8) / LIST_SECONDS / 1e6,
      unit: 'Mbit/s',
    },
  ]
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
