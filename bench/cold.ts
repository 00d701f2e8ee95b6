import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { startFloor } from './support/contestants.ts'
import { CONNECTIONS, runLoad, writeRequests } from './support/load.ts'
import { ratio, spread } from './support/measure.ts'
import { requestOf, startMintmark } from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 10_000

/** The first tokens after a restart, each of another account. */
export async function run({ options, folder, dataset, say }: BenchContext): Promise<Report> {
  const { databaseUrl, size, clientAt } = await dataset()
  const cold: number[] = []
  const warm: number[] = []
  for (let round = 0; round < Math.min(options.rounds, 3); round++) {
    const requests = (part: number) =>
      writeRequests(
        join(folder, `cold-${part}`),
        Array.from({ length: TOKENS }, (_, i) => requestOf(clientAt((part * TOKENS + i) % size))),
      )
    const server = await startMintmark(databaseUrl)
    const helper = await startMintmark(databaseUrl)
    const floor = await startFloor(helper, clientAt(0))
    await helper.stop()
    const rate = async (part: number, amount: number) => {
      const load = {
        url: server.url,
        file: requests(part),
        order: 'sequential',
        connections: CONNECTIONS,
      } as const
      const { completed, seconds, refused } = await runLoad({
        ...load,
        seconds: 0,
        amount,
        warmUpUrl: floor.url,
      })
      if (refused > 0) throw new Error(`${refused} requests were refused`)
      say(`  ${(completed / seconds).toFixed(0)}/s`)
      return completed / seconds
    }
    try {
      cold.push(await rate(3 * round, TOKENS))
      await rate(3 * round + 1, 3 * TOKENS)
      warm.push(await rate(3 * round + 2, TOKENS))
    } finally {
      await server.stop()
      await floor.stop()
    }
  }
  return {
    title: `The first ${TOKENS} tokens after a restart, each of another account, and ${TOKENS} of others once warm.`,
    targets: [{ what: 'tokens/s cold ÷ warm', wanted: '≥ 0.8', found: ratio(cold, warm) }],
    table: [
      ['', 'tokens/s'],
      ['cold', show(spread(cold), 0)],
      ['warm', show(spread(warm), 0)],
    ],
  }
}
