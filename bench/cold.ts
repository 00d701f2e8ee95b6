import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { startFloor } from './support/contestants.ts'
import type { Dataset } from './support/dataset.ts'
import { CONNECTIONS, runLoad, writeRequests } from './support/load.ts'
import { ratio, spread } from './support/measure.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 10_000

interface Rates {
  readonly cold: number[]
  readonly warm: number[]
}

/** The first tokens after a restart, each of another account, and the same ones once more when all is warm. */
export async function run({ options, folder, dataset, say }: BenchContext): Promise<Report> {
  const loaded = await dataset()
  const perRealm = Math.max(1, Math.floor(loaded.size / options.realms))
  const realms = Math.ceil(TOKENS / perRealm)
  const whole = (i: number) => (i % realms) + Math.floor(i / realms) * options.realms
  const single = (i: number) => i % loaded.size
  const results = { whole: { cold: [], warm: [] } as Rates, single: { cold: [], warm: [] } as Rates }
  for (let round = 0; round < Math.min(options.rounds, 3); round++) {
    for (const [name, indexOf] of [
      ['whole', whole],
      ['single', single],
    ] as const) {
      const requests = Array.from({ length: TOKENS }, (_, i) => requestOf(loaded.clientAt(indexOf(i))))
      const { cold, warm } = await restartAndAsk(loaded, writeRequests(join(folder, 'cold'), requests))
      say(`  ${name}: ${cold.toFixed(0)}/s cold, ${warm.toFixed(0)}/s warm`)
      results[name].cold.push(cold)
      results[name].warm.push(warm)
    }
  }
  const row = (name: string, { cold, warm }: Rates) => [
    name,
    show(spread(cold), 0),
    show(spread(warm), 0),
    show(ratio(cold, warm)),
  ]
  return {
    title: `The first ${TOKENS} tokens after a restart, each of another account, and the same ones once all is warm.`,
    targets: [
      { what: 'tokens/s cold ÷ warm', wanted: '≥ 0.8', found: ratio(results.whole.cold, results.whole.warm) },
    ],
    table: [
      ['', 'cold/s', 'warm/s', 'cold ÷ warm'],
      row(`accounts of ${realms} realms, ${perRealm} each`, results.whole),
      row(`the worst case: each of another realm, ${TOKENS} keys to open`, results.single),
    ],
  }
}

async function restartAndAsk(
  { databaseUrl, clientAt }: Dataset,
  file: string,
): Promise<{ cold: number; warm: number }> {
  const helper = await startMintmark(databaseUrl)
  const floor = await startFloor(helper, clientAt(0))
  await helper.stop()
  const server = await startMintmark(databaseUrl)
  const rate = async (amount: number) => {
    const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds: 0 } as const
    const { completed, seconds, refused } = await runLoad({ ...load, amount, warmUpUrl: floor.url })
    if (refused > 0) throw new Error(`${refused} requests were refused`)
    return completed / seconds
  }
  try {
    const cold = await rate(TOKENS)
    await rate(3 * TOKENS)
    return { cold, warm: await rate(TOKENS) }
  } finally {
    await server.stop()
    await floor.stop()
  }
}
