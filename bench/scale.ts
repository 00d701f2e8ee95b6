import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, runLoad, shuffled, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

/** Realms whose keys and settings a processor's caches hold. */
const FEW_REALMS = 200

/** As many lines for one account as there may be for many, so that they are read alike. */
const LINES = 100_000

/** One account again and again, beside any of a million at random. */
export async function run({ options, postgres, folder, dataset, say }: BenchContext): Promise<Report> {
  const { databaseUrl, size, clientAt } = await dataset()
  const all = Array.from({ length: size }, (_, i) => requestOf(clientAt(i)))
  const few = all.filter((_, i) => i % options.realms < FEW_REALMS)
  const files = {
    one: writeRequests(join(folder, 'one'), Array(LINES).fill(all[0])),
    few: writeRequests(join(folder, 'few'), shuffled(few)),
    any: writeRequests(join(folder, 'any'), shuffled(all)),
    realms: writeRequests(join(folder, 'realms'), all.slice(0, options.realms)),
  }
  const server = await startMintmark(databaseUrl)
  const turn = (file: string) => async () => {
    const load = {
      url: server.url,
      file,
      order: 'random',
      connections: CONNECTIONS,
      seconds: options.seconds,
    } as const
    const measured = await measure(server, load, postgres)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s`)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    return measured
  }
  try {
    // Every realm is met once: a first meeting is what `cold` measures.
    const meeting = {
      url: server.url,
      file: files.realms,
      order: 'sequential',
      connections: CONNECTIONS,
    } as const
    await runLoad({ ...meeting, seconds: 0, amount: options.realms })
    const results = await alternate(
      { one: turn(files.one), few: turn(files.few), any: turn(files.any) },
      options.rounds,
    )
    const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
    const row = (name: string, rounds: readonly Measured[]) => [
      name,
      show(spread(of(rounds, 'requestsPerSecond')), 0),
      show(spread(of(rounds, 'serverMicroseconds')), 1),
      show(spread(of(rounds, 'databaseMicroseconds')), 1),
    ]
    return {
      title: `${size} accounts in ${options.realms} realms, each with a key of its own.`,
      targets: [
        {
          what: 'tokens/s of any account ÷ of one account',
          wanted: '≥ 0.85',
          found: ratio(of(results.any, 'requestsPerSecond'), of(results.one, 'requestsPerSecond')),
        },
        {
          what: 'PostgreSQL CPU µs a token, one account',
          wanted: '≤ 10',
          found: spread(of(results.one, 'databaseMicroseconds')),
        },
        {
          what: `PostgreSQL CPU µs a token, ${FEW_REALMS} realms`,
          wanted: '≤ 20',
          found: spread(of(results.few, 'databaseMicroseconds')),
        },
      ],
      table: [
        ['', 'tokens/s', 'server CPU µs', 'PostgreSQL CPU µs'],
        row('one account', results.one),
        row(`any of ${few.length} accounts in ${FEW_REALMS} realms`, results.few),
        row('any account', results.any),
      ],
    }
  } finally {
    await server.stop()
  }
}
