import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { spread } from './support/measure.ts'
import { MINTMARK_ARGS, PUBLIC_URL, startMintmark } from './support/mintmark.ts'
import { startServer } from './support/processes.ts'
import type { Report } from './support/report.ts'

const READY = '/health/ready'

/** Measures the time from the start of the process until /health/ready answers 200. */
export async function run({ options, folder, dataset, say }: BenchContext): Promise<Report> {
  const { databaseUrl } = await dataset()
  const existing: number[] = []
  const nothing: number[] = []
  for (let round = 0; round <= options.rounds; round++) {
    const server = await startMintmark(databaseUrl, {}, { cores: 'all', readyPath: READY })
    await server.stop()
    const dataDir = mkdtempSync(join(folder, 'start-'))
    const env = { PORT: '0', PUBLIC_URL, DATA_DIR: dataDir, DATABASE_URL: '', MASTER_KEY: '' }
    const embedded = await startServer({
      name: 'embedded',
      args: MINTMARK_ARGS,
      env,
      cores: 'all',
      readyPath: READY,
    })
    await embedded.stop()
    rmSync(dataDir, { recursive: true, force: true })
    say(`  ${server.startMilliseconds.toFixed(0)} ms, embedded ${embedded.startMilliseconds.toFixed(0)} ms`)
    // The kernel's caches are cold in the first round.
    if (round === 0) continue
    existing.push(server.startMilliseconds / 1000)
    nothing.push(embedded.startMilliseconds / 1000)
  }
  return {
    title: `From the start of the process until /health/ready says so: on a PostgreSQL with ${options.realms} realms, and from an empty folder, database made on the way.`,
    targets: [
      { what: `seconds with ${options.realms} realms`, wanted: '≤ 0.7', found: spread(existing) },
      { what: 'seconds from nothing, embedded', wanted: '≤ 2.5', found: spread(nothing) },
    ],
  }
}
