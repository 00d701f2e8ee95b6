import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import {
  again,
  askToken,
  type Client,
  inParallel,
  newClients,
  REALM,
  replicaOf,
  startNode,
  timed,
} from './nodes.ts'
import { replicatedPostgres } from './replicated-postgres.ts'
import { isReading, until } from './until.ts'

const CHANGES = Number(process.env['CHANGES'] ?? 3000)

t.test('a change that was answered is in force at a node that reads a standby', async (t) => {
  const { primary, standbys } = await replicatedPostgres(t)
  const writer = await startNode(t, { primaryUrl: primary.url })
  await again(() => writer.operations.realms.create(TESTER, REALM, { serviceAccountLimit: 1000 }))
  const clients = await newClients(writer, 18)
  const readers = await Promise.all(
    standbys.map((standby) => startNode(t, { primaryUrl: primary.url, readUrl: standby.url })),
  )
  for (const reader of readers) await until(() => isReading(reader), 'the standby is read')

  let isLoaded = true
  const load = readers.map(async (reader, n) => {
    const client = clients[n] as Client
    let failed = 0
    while (isLoaded) {
      if ((await askToken(reader, client)) !== 200) failed++
      await sleep(5)
    }
    return failed
  })
  const stale: string[] = []
  const waits: number[] = []
  const before = await Promise.all(readers.map(replicaOf))
  let left = CHANGES
  await inParallel(clients.slice(2), clients.length - 2, async (client) => {
    const { clientId } = client
    let now = client
    for (let turn = 0; left > 0; turn = (turn + 1) % 3) {
      left--
      const old = now
      const [, took] = await timed(async () => {
        if (turn < 2) {
          const enabled = turn === 1
          await again(() => writer.operations.accounts.update(TESTER, REALM, clientId, { enabled }))
          return
        }
        const { clientSecret } = await again(() => writer.operations.secrets.reset(TESTER, REALM, clientId))
        now = { clientId, clientSecret: clientSecret as string }
      })
      waits.push(took)
      for (const reader of readers) {
        const statuses = [await askToken(reader, old), await askToken(reader, now)].join()
        const wanted = ['401,401', '200,200', '401,200'][turn]
        if (statuses !== wanted) stale.push(`${['disable', 'enable', 'reset'][turn]}: ${statuses}`)
      }
    }
  })
  isLoaded = false
  t.same(await Promise.all(load), [0, 0], 'each token request under load was answered')
  t.same(stale, [], `none of ${waits.length} changes was missed`)
  const after = await Promise.all(readers.map(replicaOf))
  for (const [n, { reads }] of after.entries()) {
    const at = {
      standby: reads.standby - (before[n]?.reads.standby ?? 0),
      primary: reads.primary - (before[n]?.reads.primary ?? 0),
    }
    t.comment(`reader ${n}: ${JSON.stringify(at)}`)
    t.ok(at.standby > 20 * at.primary, 'nearly all reads went to the standby')
  }
  waits.sort((a, b) => a - b)
  const at = (share: number) => Math.round(waits[Math.floor(share * (waits.length - 1))] as number)
  t.comment(`changes: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`)
})
