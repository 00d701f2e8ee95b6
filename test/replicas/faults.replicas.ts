import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { TESTER } from '../support/server.ts'
import { again, askToken, type Client, type Node, newClients, REALM, startNode, timed } from './nodes.ts'
import { type Replicated, replicatedPostgres } from './replicated-postgres.ts'
import { isReading, until } from './until.ts'
import { type Way, wayTo } from './way.ts'

/** MAX_REPLICA_LAG and a quarter of it, and what a busy machine adds. */
const BOUND_MILLISECONDS = 2500
const BUSY_MILLISECONDS = 1500

interface Site extends Replicated {
  readonly way: Way
  readonly writer: Node
  readonly reader: Node
  /** Changes that were answered: these secrets are dead. */
  readonly dead: Client[]
  client(): Client
}

t.test('faults of standbys and of the primary', async (t) => {
  const replicated = await replicatedPostgres(t)
  const { primary, standbys } = replicated
  await primary.query(`alter system set synchronous_standby_names = 'FIRST 1 (standby2)'`)
  await primary.query('select pg_reload_conf()')
  const way = await wayTo(t, primary.url)
  const writer = await startNode(t, { primaryUrl: way.url })
  await again(() => writer.operations.realms.create(TESTER, REALM, { serviceAccountLimit: 1000 }))
  const clients = await newClients(writer, 60)
  const reader = await startNode(t, { primaryUrl: way.url, readUrl: standbys[0].url })
  const client = () => clients.pop() as Client
  const site: Site = { ...replicated, way, writer, reader, dead: [], client }
  for (const [name, fault] of Object.entries(FAULTS)) {
    await until(() => isReading(reader), `the standby is read before: ${name}`)
    await t.test(name, (t) => fault(t, site))
  }
  for (const one of site.dead) {
    t.equal(await askToken(reader, one), 401, 'what was answered stays so, at the reader')
    t.equal(await askToken(writer, one), 401, 'and at the other node')
  }
})

const FAULTS: Record<string, (t: Test, site: Site) => Promise<void>> = {
  async 'a standby that replays nothing is not read beyond the bound'(t, site) {
    const { reader, standbys } = site
    await standbys[0].query('select pg_wal_replay_pause()')
    await endOne(t, site, BOUND_MILLISECONDS)
    const other = site.client()
    t.equal(await askToken(reader, other), 200, 'tokens come from the primary')
    await endOne(t, site, BOUND_MILLISECONDS)
    await standbys[0].query('select pg_wal_replay_resume()')
    const back = await until(() => isReading(reader), 'the standby is read again')
    t.comment(`read again after ${Math.round(back)} ms`)
  },

  async 'a long read and a vacuum make no stale answer and no error'(t, site) {
    const { reader, standbys, primary } = site
    await standbys[0].signal('SIGKILL')
    await standbys[0].start('hot_standby_feedback=off')
    await until(() => isReading(reader), 'the standby is read')
    const long = new pg.Client(standbys[0].url)
    long.on('error', () => {})
    await long.connect()
    await long.query('begin isolation level repeatable read')
    await long.query('select count(*) from service_accounts')
    const other = site.client()
    let isOn = true
    const statuses = new Set<number>()
    const load = (async () => {
      while (isOn) {
        statuses.add(await askToken(reader, other))
        await sleep(5)
      }
    })()
    for (let n = 0; n < 5; n++) {
      await endOne(t, site, BOUND_MILLISECONDS)
      await primary.query('vacuum service_accounts').catch(() => {})
      await primary.query('vacuum client_secrets').catch(() => {})
    }
    isOn = false
    await load
    t.same([...statuses], [200])
    await t.rejects(long.query('select count(*) from service_accounts'), 'the long read was in the way')
    await long.end().catch(() => {})
  },

  async 'a standby that is killed is not read, and read again when it is back'(t, site) {
    const { reader, standbys } = site
    const other = site.client()
    await standbys[0].signal('SIGKILL')
    t.equal(await askToken(reader, other), 200)
    await endOne(t, site, BOUND_MILLISECONDS)
    await standbys[0].start()
    await until(() => isReading(reader), 'the standby is read again')
    await endOne(t, site, BOUND_MILLISECONDS)
  },

  async 'a standby that hangs costs a token less than a second'(t, site) {
    const { reader, standbys } = site
    const other = site.client()
    await standbys[0].signal('SIGSTOP')
    const [status, took] = await timed(() => askToken(reader, other))
    t.equal(status, 200)
    t.ok(took < 1000 + BUSY_MILLISECONDS, `${Math.round(took)} ms`)
    await endOne(t, site, BOUND_MILLISECONDS)
    await standbys[0].signal('SIGCONT')
  },

  async 'a node that has died holds up changes once'(t, site) {
    await site.primary.query(`insert into read_leases values ('dead', 5, '{5}', 5, 2000)`)
    const first = await endOne(t, site, BOUND_MILLISECONDS)
    t.ok(first > BOUND_MILLISECONDS - 100, 'it may still read its standby')
    const { rows } = await site.primary.query('select reader from read_leases')
    t.equal(rows.length, 1, 'its row is gone')
    t.ok((await endOne(t, site, BOUND_MILLISECONDS)) < BOUND_MILLISECONDS, 'the next change does not wait')
  },

  async 'the primary dies and a standby becomes the primary'(t, site) {
    const { reader, writer, standbys, way } = site
    const other = site.client()
    const one = site.client()
    const before = site.client()
    const ending = timed(() => end(writer, before)).catch(() => undefined)
    await site.primary.signal('SIGKILL')
    const killed = performance.now()
    t.equal(await askToken(reader, other), 200, 'a lease goes on for its time')
    const none = await until(async () => (await askToken(reader, other)) === 503, 'no tokens')
    t.comment(`tokens at the reader went on for ${Math.round(none)} ms after the primary had died`)
    const ended = await ending
    if (ended) site.dead.push(before)
    t.comment(
      ended
        ? `a change under way was answered after ${Math.round(ended[1])} ms`
        : 'a change under way was refused',
    )
    await standbys[1].promote()
    way.lead(standbys[1].url)
    const failedOver = performance.now() - killed
    await until(async () => (await askToken(reader, other)) === 200, 'tokens again')
    t.comment(`tokens again ${Math.round(performance.now() - killed - failedOver)} ms after the failover`)
    await endOne(t, { ...site, client: () => one }, BOUND_MILLISECONDS)
    await standbys[0].follow(standbys[1])
    await until(() => isReading(reader), 'the standby of the new primary is read')
    await endOne(t, site, BOUND_MILLISECONDS)
  },
}

async function end(writer: Node, { clientId }: Client): Promise<void> {
  await writer.operations.accounts.update(TESTER, REALM, clientId, { enabled: false })
}

/** Disables a client that the reader knows. The next request there is refused, and the change took no longer than that. */
async function endOne(t: Test, site: Site, boundMilliseconds: number): Promise<number> {
  const client = site.client()
  await askToken(site.reader, client)
  const [, took] = await timed(() => again(() => end(site.writer, client)))
  t.equal(await askToken(site.reader, client), 401, `ended after ${Math.round(took)} ms`)
  t.ok(took < boundMilliseconds + BUSY_MILLISECONDS, 'within the bound')
  site.dead.push(client)
  return took
}
