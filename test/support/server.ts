import { pino } from 'pino'
import type { Test } from 'tap'
import type { Argon2Cost } from '../../src/crypto/argon2-pool.ts'
import type { Actor } from '../../src/domain/actor.ts'
import { PLATFORM_AUTHORITY } from '../../src/domain/authority.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { SingleSignOnSettings } from '../../src/domain/single-sign-on.ts'
import type { RateLimits } from '../../src/http/admin/rate-limits.ts'
import type { TrustedProxies } from '../../src/http/client-address.ts'
import type { KeyFetchSettings } from '../../src/operations/federation/guarded-fetch.ts'
import { openOperations } from '../../src/operations/open.ts'
import type { Operations } from '../../src/operations/operations.ts'
import { buildServer } from '../../src/server/build-server.ts'
import { type TestApp, testApp } from './front-doors.ts'
import { cutDatabase, testDatabase } from './postgres.ts'

export const PUBLIC_URL = 'https://auth.test'
export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64url')
export const TESTER: Actor = {
  kind: 'cli',
  id: 'tester',
  address: undefined,
  authority: PLATFORM_AUTHORITY,
}

/** The least that argon2id takes: most tests are about something else. */
const CHEAP_HASHES: Argon2Cost = { memoryCost: 8, timeCost: 1 }

export interface TestServer {
  readonly app: TestApp
  readonly operations: Operations
  readonly databaseUrl: string
  /** What was logged so far, a JSON line each. */
  readonly log: string[]
  /** What the operations told the operator. */
  readonly warnings: string[]
  /** The time, which only moves when it is told to. */
  readonly clock: TestClock
  /** Ends all connections to its database and lets none in until the returned function is called. */
  cutDatabase(): Promise<() => Promise<void>>
}

export interface TestClock {
  now: Date
  readonly read: Clock
  advance(seconds: number): void
}

export function testClock(start = new Date()): TestClock {
  const clock: TestClock = {
    now: start,
    read: () => clock.now,
    advance: (seconds) => {
      clock.now = new Date(clock.now.getTime() + seconds * 1000)
    },
  }
  return clock
}

export interface TestServerOptions {
  readonly databaseUrl?: string
  readonly clock?: TestClock
  readonly publicUrl?: string
  readonly masterKeys?: readonly string[]
  readonly trustProxy?: TrustedProxies
  readonly metricsToken?: string
  readonly areMetricsOpenLocally?: boolean
  readonly failedAttemptsStore?: 'memory' | 'postgres'
  /** Its database is its own standby. */
  readonly isOwnReplica?: boolean
  readonly requestTimeoutMilliseconds?: number
  readonly maxInFlight?: number
  readonly singleSignOn?: SingleSignOnSettings
  /** How keys of other issuers are fetched. */
  readonly keyFetching?: KeyFetchSettings
  /** How web hooks are sent. */
  readonly webhookSending?: KeyFetchSettings
  /** Default: cheap hashes. */
  readonly hashCost?: Argon2Cost
  /** Hears what operations log. */
  readonly onLog?: (message: string, error?: Error) => void
  /** Of the admin API; default: more than a test sends. */
  readonly rateLimits?: RateLimits
}

/** A server on a database of its own, closed when the test ends. Ask it by `app.inject`, or let `app` listen. */
export async function testServer(
  t: Test,
  {
    databaseUrl,
    clock = testClock(),
    publicUrl = PUBLIC_URL,
    masterKeys = [MASTER_KEY],
    trustProxy = 0,
    areMetricsOpenLocally = true,
    failedAttemptsStore,
    isOwnReplica = false,
    singleSignOn,
    keyFetching,
    webhookSending,
    hashCost = CHEAP_HASHES,
    onLog = () => {},
    rateLimits = { perAdministrator: 1_000_000, perAddress: 1_000_000 },
    ...serverOptions
  }: TestServerOptions = {},
): Promise<TestServer> {
  const url = databaseUrl ?? (await testDatabase(t))
  const warnings: string[] = []
  const opened = await openOperations({
    databaseUrl: url,
    dataDir: '/proc/none',
    publicUrl,
    singleSignOn,
    masterKeys,
    clock: clock.read,
    poolSize: 5,
    databaseWaitSeconds: 5,
    hashCost,
    ...(isOwnReplica && { readReplica: { url, maxLagSeconds: 2 } }),
    ...(keyFetching && { keyFetching }),
    ...(webhookSending && { webhookSending }),
    ...(failedAttemptsStore && { failedAttemptsStore }),
    log: (message, error) => {
      warnings.push(message)
      onLog(message, error)
    },
  })
  const log: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) })
  const { app, close } = testApp((frontDoors) =>
    buildServer(opened.operations, {
      frontDoors,
      logger,
      trustProxy,
      areMetricsOpenLocally,
      publicUrl,
      rateLimits,
      ...serverOptions,
    }),
  )
  t.teardown(async () => {
    await close()
    await opened.close()
  })
  return {
    app,
    operations: opened.operations,
    databaseUrl: url,
    log,
    warnings,
    clock,
    cutDatabase: () => cutDatabase(url),
  }
}
