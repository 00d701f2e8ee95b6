import pg from 'pg'
import t from 'tap'
import { crash, onDatabase, startServer } from '../support/process.ts'
import { TESTER } from '../support/server.ts'
import { again, type Client, newClients, REALM, startNode } from './nodes.ts'
import { replicatedPostgres } from './replicated-postgres.ts'
import { until } from './until.ts'

const CHANGES = Number(process.env['CHANGES'] ?? 3000) / 20

t.test('each worker of a server that reads a standby obeys a change that was answered', async (t) => {
  const { primary, standbys } = await replicatedPostgres(t)
  const writer = await startNode(t, { primaryUrl: primary.url })
  await again(() => writer.operations.realms.create(TESTER, REALM, { serviceAccountLimit: 1000 }))
  const [client] = (await newClients(writer, 1)) as [Client]
  const server = await startServer(t, {
    ...onDatabase(primary.url),
    DATABASE_READ_URL: standbys[0].url,
    WORKERS: '2',
    FAILED_ATTEMPTS_STORE: 'memory',
    TRUST_PROXY: '1',
  })
  const query = async <Row extends pg.QueryResultRow>(text: string) => {
    const database = new pg.Client(primary.url)
    await database.connect()
    try {
      return (await database.query<Row>(text)).rows
    } finally {
      await database.end()
    }
  }
  const leases = () => query<{ reader: string }>('select reader from read_leases where covered > 0')
  await until(async () => (await leases()).length === 2, 'each worker has a lease of its own')

  const stale: string[] = []
  for (let n = 0; n < CHANGES; n++) {
    const enabled = n % 2 === 1
    await again(() => writer.operations.accounts.update(TESTER, REALM, client.clientId, { enabled }))
    // Connections of their own, which the kernel deals out to both.
    const statuses = await Promise.all(
      Array.from({ length: 6 }, (_, k) => ask(server.url, client, 6 * n + k)),
    )
    if (statuses.some((status) => status !== (enabled ? 200 : 401))) stale.push(`${n}: ${statuses}`)
  }
  t.same(stale, [], `none of ${CHANGES} changes was missed by a worker`)

  const readers = await leases()
  await crash(server)
  const begun = performance.now()
  await again(() => writer.operations.accounts.update(TESTER, REALM, client.clientId, { enabled: false }))
  t.comment(`the first change after the server was killed: ${Math.round(performance.now() - begun)} ms`)
  const left = (await leases()).map(({ reader }) => reader)
  t.notOk(
    readers.some(({ reader }) => left.includes(reader)),
    'the leases of workers that were killed have ended',
  )
})

async function ask(url: string, { clientId, clientSecret }: Client, n: number): Promise<number> {
  const response = await fetch(`${url}/realms/${REALM}/protocol/openid-connect/token`, {
    method: 'POST',
    headers: { connection: 'close', 'x-forwarded-for': `10.0.${(n >> 8) & 255}.${n & 255}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  await response.arrayBuffer()
  return response.status
}
