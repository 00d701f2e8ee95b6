import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, runLoad, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { limitMemory, type MemoryLimit } from './support/memory-limit.ts'
import { MINTMARK_ARGS, requestOf, startMintmark } from './support/mintmark.ts'
import { residentMegabytes, type Server } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

const MEGABYTES = 256
const ACCOUNTS_A_REALM = 2

/** Compares a server in a small container with one that may keep all realms. Both issue tokens of all realms, at random. */
export async function run(context: BenchContext): Promise<Report> {
  const limit = limitMemory(MEGABYTES)
  try {
    return await compare(context, limit)
  } finally {
    limit.remove()
  }
}

async function compare({ options, folder, dataset, say }: BenchContext, limit: MemoryLimit): Promise<Report> {
  const { databaseUrl, size, clientAt } = await dataset()
  const amount = Math.min(size, ACCOUNTS_A_REALM * options.realms)
  const requests = Array.from({ length: amount }, (_, i) => requestOf(clientAt(i)))
  const file = writeRequests(join(folder, 'container'), requests)
  const unlimited = await startMintmark(databaseUrl)
  const limited = await startMintmark(databaseUrl, {}, limit.launch([process.execPath, ...MINTMARK_ARGS]))
  const load = ({ url }: Server) => ({ url, file, connections: CONNECTIONS })
  const turn = (server: Server) => () =>
    measure(server, { ...load(server), order: 'random', seconds: options.seconds })
  try {
    for (const server of [limited, unlimited]) {
      await runLoad({ ...load(server), order: 'sequential', seconds: 0, amount })
      say(`  all realms met: ${residentMegabytes(server.pid).toFixed(0)} MB`)
    }
    const rounds = await alternate({ limited: turn(limited), unlimited: turn(unlimited) }, options.rounds)
    const resident = { limited: residentMegabytes(limited.pid), unlimited: residentMegabytes(unlimited.pid) }
    return report(rounds, resident, { realms: options.realms, peak: limit.peakMegabytes() })
  } finally {
    await limited.stop()
    await unlimited.stop()
  }
}

type Each<T> = Readonly<Record<'limited' | 'unlimited', T>>

function report(
  rounds: Each<readonly Measured[]>,
  resident: Each<number>,
  { realms, peak }: { readonly realms: number; readonly peak: number },
): Report {
  const rates = (name: 'limited' | 'unlimited') => rounds[name].map((round) => round.requestsPerSecond)
  const row = (title: string, name: 'limited' | 'unlimited') => [
    title,
    show(spread(rates(name)), 0),
    show(spread(rounds[name].map((round) => round.serverMicroseconds)), 1),
    resident[name].toFixed(0),
  ]
  return {
    title: `A server in a container of ${MEGABYTES} MB, and one without a limit: each token is for another of ${realms} realms, at random.`,
    notes: [`The limited one took ${peak.toFixed(0)} MB at the most, and has to open most keys again.`],
    targets: [
      {
        what: 'tokens/s ÷ without a limit',
        wanted: '≥ 0.6',
        found: ratio(rates('limited'), rates('unlimited')),
      },
    ],
    table: [
      ['', 'tokens/s', 'server CPU µs', 'RSS MB'],
      row(`${MEGABYTES} MB`, 'limited'),
      row('no limit', 'unlimited'),
    ],
  }
}
