import { performance } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { systemClock } from '../../src/domain/clock.ts'
import { openOperations } from '../../src/operations/open.ts'
import type { Operations } from '../../src/operations/operations.ts'
import { buildServer } from '../../src/server/build-server.ts'
import { isDatabaseAway } from '../../src/storage/database.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER } from '../support/server.ts'

export interface Node {
  readonly app: FastifyInstance
  readonly operations: Operations
  /** What it told the operator. */
  readonly said: string[]
  close(): Promise<void>
}

export interface Client {
  readonly clientId: string
  readonly clientSecret: string
}

export interface NodeOptions {
  readonly primaryUrl: string
  /** Of its standby; default: it reads the primary. */
  readonly readUrl?: string
  readonly maxLagSeconds?: number
}

export const REALM = 'acme'

/** A node on the system's clock, in this process. */
export async function startNode(
  t: Test,
  { primaryUrl, readUrl, maxLagSeconds = 2 }: NodeOptions,
): Promise<Node> {
  const said: string[] = []
  const opened = await openOperations({
    databaseUrl: primaryUrl,
    ...(readUrl !== undefined && { readReplica: { url: readUrl, maxLagSeconds } }),
    dataDir: '/proc/none',
    publicUrl: PUBLIC_URL,
    masterKeys: [MASTER_KEY],
    clock: systemClock,
    poolSize: 10,
    databaseWaitSeconds: 5,
    log: (message) => void said.push(message),
  })
  const { app } = await buildServer(opened.operations, {
    logger: pino({ level: 'silent' }),
    trustProxy: 0,
    areMetricsOpenLocally: true,
    publicUrl: PUBLIC_URL,
    rateLimits: { perAdministrator: 1e6, perAddress: 1e6 },
  })
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= app.close().then(() => opened.close())
    return closing
  }
  t.teardown(close)
  return { app, operations: opened.operations, said, close }
}

let requests = 0

/** Status of a token request with that secret. */
export async function askToken({ app }: Node, { clientId, clientSecret }: Client): Promise<number> {
  const { statusCode } = await app.inject({
    method: 'POST',
    url: `/realms/${REALM}/protocol/openid-connect/token`,
    // From ever other addresses: what is held back after failures is tested elsewhere.
    remoteAddress: `10.${(requests >> 16) & 255}.${(requests >> 8) & 255}.${requests++ & 255}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }).toString(),
  })
  return statusCode
}

export async function newClients(node: Node, count: number): Promise<Client[]> {
  const clients: Client[] = []
  const names = Array.from({ length: count }, (_, n) => `client ${n}`)
  await inParallel(names, 4, async (name) => {
    const { account, clientSecret } = await again(() =>
      node.operations.accounts.create(TESTER, REALM, { name }),
    )
    clients.push({ clientId: account.clientId, clientSecret: clientSecret as string })
  })
  return clients
}

export async function inParallel<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}

export async function timed<T>(work: () => Promise<T>): Promise<[result: T, milliseconds: number]> {
  const begun = performance.now()
  const result = await work()
  return [result, performance.now() - begun]
}

/** How old its standby may be, in seconds, and how many reads that answered. */
export async function replicaOf({ operations }: Node) {
  const { replica } = await operations.measurements.take()
  if (!replica) throw new Error('the node reads no standby')
  return replica
}

/** As a client does that is told to try again: the machine that runs all of it may be slow. */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 20 || !isDatabaseAway(error)) throw error
    }
  }
}
