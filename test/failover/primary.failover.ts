import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { checkInvariants } from '../faults/invariants.ts'
import { BOOTSTRAP, startWorkload } from '../faults/workload.ts'
import { MASTER_KEY_ENVIRONMENT, type Started, startServer } from '../support/process.ts'
import { type Cluster, type Loss, startCluster } from './cluster.ts'

/** Within which Patroni has a new primary that HAProxy has seen, with ttl 20, loop_wait 2 and retry_timeout 3. */
const FAILOVER_SECONDS: Record<Loss, number> = { switchover: 10, postmaster: 10, node: 30, frozen: 30 }

/** What Mintmark may add to that. */
const OWN_SECONDS = 2

const cluster = await startCluster(t)

/** For which a node may read its standby without the primary: MAX_REPLICA_LAG. */
const LEASE_MILLISECONDS = 2000

const METRICS_TOKEN = 'failover-test-of-metrics'

interface Addresses {
  readonly databaseUrl: string
  /** Of standbys to read. */
  readonly readUrl?: string
}

async function startNodes(t: Test, { databaseUrl, readUrl }: Addresses) {
  const environment = {
    ...MASTER_KEY_ENVIRONMENT,
    ...BOOTSTRAP,
    DATABASE_URL: databaseUrl,
    ...(readUrl !== undefined && { DATABASE_READ_URL: readUrl }),
    PUBLIC_URL: 'http://auth.test',
    METRICS_TOKEN,
  }
  const nodes: Started[] = []
  for (const port of cluster.fronted) nodes.push(await startServer(t, { ...environment, PORT: `${port}` }))
  return nodes
}

/** Loses the primary under load; returns when all is well again. */
async function loseIt(
  t: Test,
  { query, lose, heal, front }: Cluster,
  way: Loss,
  addresses: Addresses,
): Promise<void> {
  await query('drop schema public cascade; create schema public')
  const nodes = await startNodes(t, addresses)
  await sleep(1500)
  const workload = await startWorkload([front])
  if (addresses.readUrl) await untilStandbysAreRead(nodes)
  await sleep(3000)
  const before = workload.accounts.size
  const primary = watchPrimary(query)
  await lose(way)
  // A token that was under way when it happened says nothing, nor one that a standby let a node make until its lease ended.
  await sleep(addresses.readUrl ? LEASE_MILLISECONDS + 1000 : 1000)
  await Promise.race([workload.untilToken(), failWhenOneEnds(nodes)])
  if (addresses.readUrl) await untilStandbysAreRead(nodes)
  await sleep(3000)
  const writable = await primary.longestGap()
  const gap = workload.longestGap()
  await sleep(3000)
  await workload.stop()
  const seen = [...workload.statuses].map(([status, n]) => `${status}: ${n}`).join(', ')
  t.comment(
    `${way}: longest time without a primary ${writable.toFixed(1)} s, without a token ${gap.toFixed(1)} s; clients saw ${seen}; ${before} accounts before, ${workload.accounts.size} after`,
  )
  t.ok(gap < FAILOVER_SECONDS[way] + OWN_SECONDS, `no token for ${gap.toFixed(1)} s`)
  t.ok(gap < writable + OWN_SECONDS, 'tokens flow again once there is a primary')
  t.ok(workload.accounts.size > before, 'accounts are made again')
  for (const { child } of nodes) t.equal(child.exitCode, null, 'no restart was needed')
  await checkInvariants(t, { query }, workload, front)
  for (const { child, ended } of nodes) {
    child.kill('SIGTERM')
    await ended
  }
  await heal()
}

/** Each node has read a standby once more. */
async function untilStandbysAreRead(nodes: readonly Started[]): Promise<void> {
  for (const { url } of nodes) {
    const before = await standbyReads(url)
    for (const begun = performance.now(); (await standbyReads(url)) <= before; await sleep(100))
      if (performance.now() - begun > 30_000) throw new Error('no standby is read')
  }
}

async function standbyReads(url: string): Promise<number> {
  const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
  const text = await (await fetch(`${url}/metrics`, { headers })).text()
  return Number(/^mintmark_replica_reads_total\{server="standby"\} (\d+)$/m.exec(text)?.[1])
}

/** Rejects with a node's last lines: without nodes there is never a token. */
async function failWhenOneEnds(nodes: readonly Started[]): Promise<never> {
  const { code, stderr } = await Promise.race(nodes.map(({ ended }) => ended))
  throw new Error(`a node ended with ${code}: ${stderr.slice(-3000)}`)
}

/** Writes by way of HAProxy, again and again: the longest time, in seconds, between two writes that were taken. */
function watchPrimary(query: Cluster['query']) {
  let last = performance.now()
  let longest = 0
  let stopped = false
  const loop = (async () => {
    while (!stopped) {
      const write = query('create temporary table probe (n int)').then(
        () => true,
        () => false,
      )
      if (await Promise.race([write, sleep(1000, false)])) {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }
      await sleep(50)
    }
  })()
  return {
    longestGap: async () => {
      stopped = true
      await loop
      return longest / 1000
    },
  }
}

for (const way of ['switchover', 'postmaster', 'node', 'frozen'] as const)
  t.test(
    `the primary is lost (${way}): nothing acknowledged is lost, and tokens flow again without a restart`,
    (t) => loseIt(t, cluster, way, { databaseUrl: cluster.databaseUrl }),
  )

for (const way of ['switchover', 'node'] as const)
  t.test(`the same with nodes that read standbys (${way}): they read one again`, (t) =>
    loseIt(t, cluster, way, { databaseUrl: cluster.databaseUrl, readUrl: cluster.readUrl }),
  )

t.test('the same behind PgBouncer in transaction mode', (t) =>
  loseIt(t, cluster, 'node', { databaseUrl: cluster.pooledUrl }),
)

t.test('pg_dump and pg_restore: what comes of it goes on where the old server was', async (t) => {
  await cluster.query('drop schema public cascade; create schema public')
  const nodes = await startNodes(t, { databaseUrl: cluster.databaseUrl })
  await sleep(1500)
  const workload = await startWorkload([cluster.front])
  while (workload.accounts.size <= 10) await sleep(100)
  await workload.stop()
  for (const { child, ended } of nodes) {
    child.kill('SIGTERM')
    await ended
  }
  const restored = await cluster.restoreDump('restored')
  const client = new pg.Client(restored)
  await client.connect()
  t.teardown(() => client.end())
  await startNodes(t, { databaseUrl: restored })
  await sleep(1500)
  await checkInvariants(t, { query: (text) => client.query(text) }, workload, cluster.front)
})
