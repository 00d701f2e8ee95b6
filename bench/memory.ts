import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, runLoad, writeRequests } from './support/load.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { residentMegabytes } from './support/processes.ts'
import { exactly, type Report } from './support/report.ts'

/** Accounts that ask for a token in each realm. The server keeps its memory by realm. */
const ACCOUNTS_A_REALM = 5

/** Measures the resident memory of a worker after accounts of all realms asked for tokens, and how it grows under load. */
export async function run({ options, folder, dataset, say }: BenchContext): Promise<Report> {
  const { databaseUrl, size: loaded, clientAt } = await dataset()
  const size = Math.min(loaded, ACCOUNTS_A_REALM * options.realms)
  const all = Array.from({ length: size }, (_, i) => requestOf(clientAt(i)))
  const file = writeRequests(join(folder, 'all'), all)
  const server = await startMintmark(databaseUrl)
  const samples: { seconds: number; megabytes: number }[] = []
  try {
    const atStart = residentMegabytes(server.pid)
    const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS } as const
    const { refused } = await runLoad({ ...load, seconds: 0, amount: size })
    if (refused > 0) throw new Error(`${refused} requests were refused`)
    const afterAll = residentMegabytes(server.pid)
    say(`  ${afterAll.toFixed(0)} MB after ${size} accounts, from ${atStart.toFixed(0)} MB`)
    const soak = runLoad({ ...load, seconds: options.minutes * 60 })
    const start = performance.now()
    const timer = setInterval(() => {
      const seconds = (performance.now() - start) / 1000
      samples.push({ seconds, megabytes: residentMegabytes(server.pid) })
    }, 1000)
    await soak
    clearInterval(timer)
    const slope = slopeOf(samples) * 3600
    return {
      title: `One worker meets ${size} of ${loaded} accounts, in ${options.realms} realms, then ${options.minutes} minutes of all of them again and again.`,
      targets: [
        { what: 'RSS after all accounts, MB', wanted: '≤ 150', found: exactly(afterAll) },
        {
          what: 'slope over the soak, MB an hour ÷ MB at its start',
          wanted: '≤ 0.1',
          found: exactly(slope / afterAll),
        },
      ],
      table: [
        ['', 'MB'],
        ['at start', atStart.toFixed(0)],
        ['after all accounts', afterAll.toFixed(0)],
        ['highest in the soak', Math.max(...samples.map((sample) => sample.megabytes)).toFixed(0)],
        ['at the end of the soak', (samples.at(-1)?.megabytes ?? Number.NaN).toFixed(0)],
        ['slope an hour', slope.toFixed(1)],
      ],
    }
  } finally {
    await server.stop()
  }
}

/** By least squares. */
function slopeOf(samples: readonly { seconds: number; megabytes: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(samples.map((sample) => sample.seconds))
  const y = mean(samples.map((sample) => sample.megabytes))
  const sum = (of: (seconds: number, megabytes: number) => number) =>
    samples.reduce((total, sample) => total + of(sample.seconds - x, sample.megabytes - y), 0)
  return sum((dx, dy) => dx * dy) / sum((dx) => dx * dx)
}
