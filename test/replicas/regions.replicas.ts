import t from 'tap'
import { TESTER } from '../support/server.ts'
import { again, askToken, type Client, newClients, REALM, replicaOf, startNode, timed } from './nodes.ts'
import { replicatedPostgres } from './replicated-postgres.ts'
import { isReading, until } from './until.ts'
import { wayTo } from './way.ts'

/** Between the regions, there and back. */
const ROUND_TRIP = 80

t.test(`with ${ROUND_TRIP} ms between regions a token is made in its own`, async (t) => {
  const { primary, standbys } = await replicatedPostgres(t)
  const line = await wayTo(t, primary.url, ROUND_TRIP / 2)
  await standbys[0].follow(line)
  const near = await startNode(t, { primaryUrl: primary.url })
  await again(() => near.operations.realms.create(TESTER, REALM, { serviceAccountLimit: 1000 }))
  const clients = await newClients(near, 31)
  const client = clients.pop() as Client
  const without = await startNode(t, { primaryUrl: line.url })
  const reader = await startNode(t, { primaryUrl: line.url, readUrl: standbys[0].url })
  await until(() => isReading(reader), 'the standby is read')

  const times = async (node: typeof near) => {
    const all: number[] = []
    for (let n = 0; n < 200; n++) {
      const [status, took] = await timed(() => askToken(node, client))
      if (status !== 200) throw new Error(`${status}`)
      if (n >= 10) all.push(took)
    }
    return all.sort((a, b) => a - b)
  }
  const at = (all: number[], share: number) => all[Math.floor(share * (all.length - 1))] as number
  const say = (all: number[]) => `p50 ${at(all, 0.5).toFixed(1)} ms, p99 ${at(all, 0.99).toFixed(1)} ms`
  const [far, local] = [await times(without), await times(reader)]
  t.comment(`token from the primary of the other region: ${say(far)}`)
  t.comment(`token from the own standby: ${say(local)}`)
  t.ok(at(far, 0) >= ROUND_TRIP, 'the way to the primary takes its time')
  t.ok(at(local, 0.5) < ROUND_TRIP / 2, 'no token waits for the other region')

  const changes: number[] = []
  for (const one of clients) {
    await askToken(reader, one)
    const end = () => near.operations.accounts.update(TESTER, REALM, one.clientId, { enabled: false })
    const [, took] = await timed(() => again(end))
    t.equal(await askToken(reader, one), 401)
    changes.push(took)
  }
  changes.sort((a, b) => a - b)
  t.comment(
    `a change, with a reader in the other region: ${say(changes)}, longest ${at(changes, 1).toFixed(0)} ms`,
  )
  t.ok(at(changes, 0.5) < 2000, 'it does not wait out the lease')
  t.comment(`lag: ${(await replicaOf(reader)).lagSeconds} s`)
})
