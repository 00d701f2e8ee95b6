import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { ratio, spread } from './support/measure.ts'
import { MINTMARK_ARGS, PUBLIC_URL, startMintmark } from './support/mintmark.ts'
import { startServer } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

const READY = '/health/ready'
const FASTIFY = join(import.meta.dirname, 'contestants/fastify.ts')

/** Measures the time from the start of the process until /health/ready answers 200. */
export async function run({ options, folder, dataset, say }: BenchContext): Promise<Report> {
  const { databaseUrl } = await dataset()
  const existing: number[] = []
  const nothing: number[] = []
  const bare: number[] = []
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
    const fastify = await startServer({ name: 'bare Fastify', args: [FASTIFY], cores: 'all', readyPath: '/' })
    await fastify.stop()
    say(`  ${server.startMilliseconds.toFixed(0)} ms, embedded ${embedded.startMilliseconds.toFixed(0)} ms`)
    // The kernel's caches are cold in the first round.
    if (round === 0) continue
    existing.push(server.startMilliseconds / 1000)
    nothing.push(embedded.startMilliseconds / 1000)
    bare.push(fastify.startMilliseconds / 1000)
  }
  return {
    title: `From the start of the process until /health/ready says so: on a PostgreSQL with ${options.realms} realms, and from an empty folder, database made on the way.`,
    targets: [
      { what: `seconds with ${options.realms} realms`, wanted: '≤ 0.7', found: spread(existing) },
      { what: 'seconds from nothing, embedded', wanted: '≤ 2.5', found: spread(nothing) },
    ],
    table: [
      ['', 'seconds', '÷ bare Fastify'],
      [`with ${options.realms} realms`, show(spread(existing)), show(ratio(existing, bare))],
      ['from nothing, embedded', show(spread(nothing)), show(ratio(nothing, bare))],
      ['bare Fastify, until it answers', show(spread(bare)), ''],
    ],
  }
}
