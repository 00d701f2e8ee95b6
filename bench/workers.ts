import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './support/mintmark.ts'
import { cpuMicroseconds, familyOf, type Server } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

interface Shared extends Measured {
  /** Of the busiest worker in the work of all. */
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
  const turn = (server: Server) => async (): Promise<Shared> => {
    const { seconds } = options
    const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds } as const
    const pids = familyOf(server.pid)
    const before = pids.map((pid) => cpuMicroseconds([pid]))
    const measured = await measure(server, load, postgres)
    const spent = pids.map((pid, i) => cpuMicroseconds([pid]) - (before[i] as number))
    const largestShare = Math.max(...spent) / spent.reduce((sum, value) => sum + value)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s, busiest ${(100 * largestShare).toFixed(0)} %`)
    return { ...measured, largestShare }
  }
  try {
    const results = await alternate({ one: turn(one), two: turn(two) }, options.rounds)
    // What a worker can do alone is bounded by its core: so many as one core does, times the cores in full use.
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
    const rate = (rounds: readonly Shared[]) => rounds.map((round) => round.requestsPerSecond)
    return {
      title: 'WORKERS=2 beside WORKERS=1.',
      notes: [
        'On two cores the load and PostgreSQL take part of what the second worker would use, so the rate is not the measure. The capacity is: tokens a second until the busiest process has used up a core, from the CPU time a token costs and the share of the busiest process.',
        `Tokens a second as they were, load and PostgreSQL on the same two cores: ${show(ratio(rate(results.two), rate(results.one)))} of one worker that has a core of its own.`,
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
