import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import type { Dataset } from './support/dataset.ts'
import { FLOORS_ROW } from './support/floors.ts'
import { CONNECTIONS, type Load, runLoad, writeRequests } from './support/load.ts'
import { ratio, spread } from './support/measure.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { cpuMicroseconds, familyOf } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 10_000

interface Rates {
  readonly cold: number[]
  readonly warm: number[]
  /** CPU microseconds of the server for each of the first tokens. */
  readonly coldMicroseconds: number[]
}

const noRates = (): Rates => ({ cold: [], warm: [], coldMicroseconds: [] })

/** Compares the rate of the first tokens after a restart, each for another account, with the rate once the server is warm. */
export async function run({ options, folder, dataset, floors, say }: BenchContext): Promise<Report> {
  const loaded = await dataset()
  const perRealm = Math.max(1, Math.floor(loaded.size / options.realms))
  const realms = Math.ceil(TOKENS / perRealm)
  const whole = (i: number) => (i % realms) + Math.floor(i / realms) * options.realms
  const single = (i: number) => i % loaded.size
  const results = { whole: noRates(), single: noRates() }
  const { fastify, measure } = await floors()
  const floorMicroseconds: number[] = []
  for (let round = 0; round < Math.min(options.rounds, 3); round++) {
    for (const [name, indexOf] of [
      ['whole', whole],
      ['single', single],
    ] as const) {
      const requests = Array.from({ length: TOKENS }, (_, i) => requestOf(loaded.clientAt(indexOf(i))))
      const { cold, warm, coldMicroseconds } = await restartAndAsk(
        loaded,
        writeRequests(join(folder, 'cold'), requests),
        fastify.url,
      )
      say(`  ${name}: ${cold.toFixed(0)}/s cold, ${warm.toFixed(0)}/s warm`)
      results[name].cold.push(cold)
      results[name].warm.push(warm)
      results[name].coldMicroseconds.push(coldMicroseconds)
    }
    floorMicroseconds.push(await measure())
  }
  const row = (name: string, { cold, warm, coldMicroseconds }: Rates) => [
    name,
    show(spread(cold), 0),
    show(spread(warm), 0),
    show(ratio(cold, warm)),
    show(spread(coldMicroseconds), 0),
  ]
  // The two loads differ only in how many realms the server opens for the first time.
  const meeting = results.single.coldMicroseconds.map(
    (value, i) => ((value - (results.whole.coldMicroseconds[i] as number)) * TOKENS) / (TOKENS - realms),
  )
  return {
    title: `The first ${TOKENS} tokens after a restart, each of another account, and the same ones once all is warm.`,
    targets: [
      {
        what: `tokens/s cold ÷ warm, ${realms} realms`,
        wanted: '≥ 0.75',
        found: ratio(results.whole.cold, results.whole.warm),
      },
      {
        what: `tokens/s cold ÷ warm, ${TOKENS} realms`,
        wanted: '≥ 0.4',
        found: ratio(results.single.cold, results.single.warm),
      },
      {
        what: 'server CPU to meet a realm ÷ (bare Fastify + one signature)',
        wanted: '≤ 2.55',
        found: ratio(meeting, floorMicroseconds),
      },
    ],
    table: [
      ['', 'cold/s', 'warm/s', 'cold ÷ warm', 'server CPU µs'],
      row(`accounts of ${realms} realms, ${perRealm} each`, results.whole),
      row(`the worst case: each of another realm, ${TOKENS} keys to open`, results.single),
      ['to meet a realm', '', '', '', show(spread(meeting), 0)],
      [FLOORS_ROW, '', '', '', show(spread(floorMicroseconds), 0)],
    ],
  }
}

async function restartAndAsk(
  { databaseUrl }: Dataset,
  file: string,
  warmUpUrl: string,
): Promise<{ cold: number; warm: number; coldMicroseconds: number }> {
  const server = await startMintmark(databaseUrl)
  const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds: 0 } as const
  const rate = async (generator: Pick<Load, 'warmUpUrl'>) => {
    const { completed, seconds, refused } = await runLoad({ ...load, ...generator, amount: TOKENS })
    if (refused > 0) throw new Error(`${refused} requests were refused`)
    return completed / seconds
  }
  try {
    const before = cpuMicroseconds(familyOf(server.pid))
    const cold = await rate({ warmUpUrl })
    const coldMicroseconds = (cpuMicroseconds(familyOf(server.pid)) - before) / TOKENS
    // After 20,000 requests V8 has compiled what is hot.
    await rate({})
    return { cold, warm: await rate({ warmUpUrl }), coldMicroseconds }
  } finally {
    await server.stop()
  }
}
