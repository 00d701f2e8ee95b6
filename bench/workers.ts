import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './support/mintmark.ts'
import { cpuMicroseconds, familyOf, type Server } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

/** Requested tokens a second for each worker. Two workers at this rate leave some of both cores to the load and PostgreSQL. */
const RATE = 3500

interface Shared extends Measured {
  /** CPU time of the busiest worker ÷ CPU time of all workers. */
  readonly largestShare: number
}

/** Two workers beside one. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('workers')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench')
  await administration.close()
  const file = writeRequests(join(folder, 'workers'), [requestOf(client)])
  const one = await startMintmark(databaseUrl)
  const two = await startMintmark(databaseUrl, { WORKERS: '2' }, { cores: 'all' })
  const turn = (server: Server, workers: number) => async (): Promise<Shared> => {
    const { seconds } = options
    const load = {
      url: server.url,
      file,
      order: 'sequential',
      connections: CONNECTIONS * workers,
      rate: RATE * workers,
      seconds,
    } as const
    const pids = familyOf(server.pid)
    const before = pids.map((pid) => cpuMicroseconds([pid]))
    const measured = await measure(server, load, postgres)
    const spent = pids.map((pid, i) => cpuMicroseconds([pid]) - (before[i] as number))
    const largestShare = Math.max(...spent) / spent.reduce((sum, value) => sum + value)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s, busiest ${(100 * largestShare).toFixed(0)} %`)
    return { ...measured, largestShare }
  }
  try {
    const results = await alternate({ one: turn(one, 1), two: turn(two, 2) }, options.rounds)
    // A worker can use up one core, so the busiest worker sets the limit.
    const capacity = (rounds: readonly Shared[]) =>
      rounds.map(({ serverMicroseconds, largestShare }) => 1e6 / (serverMicroseconds * largestShare))
    const row = (name: string, rounds: readonly Shared[]) => {
      const of = (key: keyof Shared) => spread(rounds.map((round) => round[key]))
      return [
        name,
        show(of('serverMicroseconds'), 1),
        show(of('largestShare')),
        show(of('requestsPerSecond'), 0),
      ]
    }
    return {
      title: 'WORKERS=2 beside WORKERS=1.',
      notes: [
        `Two cores cannot give two workers a core each and the load and PostgreSQL another: so each worker gets ${RATE} requests a second, which leaves some of both, and what is compared is the capacity: tokens a second until the busiest process would have used up a core, from the CPU time a token costs and the share of the busiest.`,
      ],
      targets: [
        {
          what: 'capacity of two workers ÷ of one',
          wanted: '≥ 1.7',
          found: ratio(capacity(results.two), capacity(results.one)),
        },
      ],
      table: [
        ['', 'CPU µs a token, all workers', 'share of the busiest', 'tokens/s'],
        row('WORKERS=1', results.one),
        row('WORKERS=2', results.two),
      ],
    }
  } finally {
    await one.stop()
    await two.stop()
  }
}
