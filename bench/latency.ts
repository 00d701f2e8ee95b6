import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { type Measured, measure, ratio, spread } from './support/measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

/** Many short rounds: other load on the machine then affects few of them. */
const HALF = 0.5
const SECONDS = 1
const ROUNDS_FOR_EACH = 4

/** Measures the latency of a token at half of the highest rate. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('latency')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench')
  await administration.close()
  const server = await startMintmark(databaseUrl)
  const file = writeRequests(join(folder, 'latency'), [requestOf(client)])
  const seconds = SECONDS
  const rounds = ROUNDS_FOR_EACH * options.rounds
  const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds } as const
  try {
    await measure(server, { ...load, seconds: options.seconds })
    const half: Measured[] = []
    const shares: number[] = []
    let share = HALF
    for (let round = 0; round < rounds; round++) {
      const { requestsPerSecond: highest } = await measure(server, load)
      const at = await measure(server, { ...load, rate: highest * share })
      say(
        `  ${at.requestsPerSecond.toFixed(0)}/s of ${highest.toFixed(0)}/s: p50 ${at.p50} ms, p99 ${at.p99} ms`,
      )
      half.push(at)
      shares.push(at.requestsPerSecond / highest)
      // A connection pauses and also waits for its token: corrects the rate for the wait.
      share *= HALF / (at.requestsPerSecond / highest)
    }
    const of = (key: 'p50' | 'p99') => half.map((at) => at[key])
    return {
      title: 'Time to a token at half of the highest rate, requests at random times.',
      notes: [
        `${rounds} rounds of ${seconds} s. Share of the highest rate in fact: ${show(spread(shares))}.`,
      ],
      targets: [{ what: 'p99 ÷ p50', wanted: '≤ 5', found: ratio(of('p99'), of('p50')) }],
      table: [
        ['', 'ms'],
        ['p50', show(spread(of('p50')))],
        ['p99', show(spread(of('p99')))],
      ],
    }
  } finally {
    await server.stop()
  }
}
