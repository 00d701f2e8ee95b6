import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { openRoutedReads } from '../../src/storage/routed-reads.ts'
import { openStandby, StandbyError } from '../../src/storage/standby.ts'
import { TESTER } from '../support/server.ts'
import { again, askToken, type Client, type Node, newClients, REALM, startNode } from './nodes.ts'
import { replicatedPostgres, type Server } from './replicated-postgres.ts'
import { isReading, until } from './until.ts'
import { wayTo } from './way.ts'

// DATABASE_READ_URL leads to several standbys in turn, as the replica port of Patroni's HAProxy and a service of Kubernetes do.

t.test('an address of several standbys', async (t) => {
  const { primary, standbys } = await replicatedPostgres(t)
  const [one, other] = standbys
  const toPrimary = await wayTo(t, primary.url)
  const toStandbys = await wayTo(t, one.url)
  toStandbys.lead(one.url, other.url)
  const writer = await startNode(t, { primaryUrl: toPrimary.url })
  await again(() => writer.operations.realms.create(TESTER, REALM))
  const clients = await newClients(writer, 4)

  await t.test('all connections are to the standby that proves itself', async (t) => {
    const noError = { onIdleError: () => {} }
    const db = openDatabase({ connectionString: primary.url, poolSize: 1, ...noError })
    for (const _ of standbys) {
      const standby = await openStandby({
        connectionString: toStandbys.url,
        poolSize: 5,
        reader: 'nobody',
        provenBeat: () => 0,
        onFault: () => {},
      })
      const faults: Error[] = []
      const routed = openRoutedReads(db, {
        standby: () => standby.db,
        onStandbyAway: (error) => void faults.push(error),
        onRead: () => {},
      })
      const read = sql<{ port: number }>`select inet_server_port() as port, pg_sleep(0.01)`
      const answers = await Promise.all(Array.from({ length: 5 }, () => read.execute(routed)))
      const ports = answers
        .map(({ rows: [row] }) => row?.port)
        .filter((port) => `${port}` !== portOf(primary))
      t.ok(new Set(ports).size <= 1, `${ports}`)
      // A busy machine may take too long: that is another fault.
      t.same(
        faults.filter((fault) => fault instanceof StandbyError),
        [],
      )
      await standby.close()
    }
    await db.destroy()
  })

  const reader = await startNode(t, { primaryUrl: toPrimary.url, readUrl: toStandbys.url })
  await until(() => isReading(reader), 'a standby is read')
  const readOne = async () => ((await isWatched(one)) ? standbys : ([other, one] as const))

  await t.test('a node leaves the standby that lags for another one', async (t) => {
    const [lagging, good] = await readOne()
    await lagging.query('select pg_wal_replay_pause()')
    await endOne(t, { writer, reader }, clients.pop() as Client)
    const took = await until(
      async () => (await isWatched(good)) && isReading(reader),
      'the other standby is read',
    )
    t.comment(`read after ${Math.round(took)} ms`)
    await endOne(t, { writer, reader }, clients.pop() as Client)
    await lagging.query('select pg_wal_replay_resume()')
  })

  await t.test('a node leaves the standby that has become the primary', async (t) => {
    const [promoted, left] = await readOne()
    await primary.signal('SIGKILL')
    await promoted.promote()
    toPrimary.lead(promoted.url)
    toStandbys.leadNew(left.url)
    await left.follow(promoted)
    await until(async () => (await isWatched(left)) && isReading(reader), 'the other standby is read')
    t.notOk(await isWatched(promoted))
    await endOne(t, { writer, reader }, clients.pop() as Client)
  })
})

const portOf = ({ url }: Server) => new URL(url).port

/** Whether the reader looks for its beats there. */
async function isWatched({ query }: Server): Promise<boolean> {
  const { rowCount } = await query(
    `select from pg_stat_activity where application_name = 'mintmark' and query like '%max(beat)%' and pid <> pg_backend_pid()`,
  )
  return rowCount !== 0
}

async function endOne(t: Test, { writer, reader }: Record<'writer' | 'reader', Node>, client: Client) {
  await again(() => writer.operations.accounts.update(TESTER, REALM, client.clientId, { enabled: false }))
  t.equal(await askToken(reader, client), 401, 'what was answered is in force')
}
