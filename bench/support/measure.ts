import { type Load, type LoadResult, runLoad } from './load.ts'
import type { BenchPostgres } from './postgres.ts'
import { cpuMicroseconds, familyOf, type Server } from './processes.ts'

export interface Measured extends LoadResult {
  readonly requestsPerSecond: number
  /** CPU microseconds a request. */
  readonly serverMicroseconds: number
  readonly databaseMicroseconds: number
}

/** Runs a load on a server and reads the CPU time of the server, its workers and the database. */
export async function measure(
  server: Pick<Server, 'pid'>,
  load: Load,
  postgres?: BenchPostgres,
): Promise<Measured> {
  const cpu = () => [cpuMicroseconds(familyOf(server.pid)), postgres?.cpu() ?? 0] as const
  const [serverBefore, databaseBefore] = cpu()
  const result = await runLoad(load)
  const [serverAfter, databaseAfter] = cpu()
  if (result.failed > 0) throw new Error(`${result.failed} requests were not answered`)
  return {
    ...result,
    requestsPerSecond: result.completed / result.seconds,
    serverMicroseconds: (serverAfter - serverBefore) / result.completed,
    databaseMicroseconds: (databaseAfter - databaseBefore) / result.completed,
  }
}

/** V8 still compiles after the first ten thousand requests. */
const WARM_UP_REQUESTS = 20_000

/** A contestant is warm once a turn costs no less than this share of the cheapest turn before it. */
const STANDS_STILL = 0.97

/** After this many requests in one turn, V8 has compiled the hot code. */
const WARM_AT_ONCE_REQUESTS = 30_000

/** Limit for slow contestants: most of their time is in signatures or hashes, which is native code. */
const MAX_WARM_UP_TURNS = 5

/**
 * Repeats a turn until enough requests were answered and a request costs no less than before. A turn without a load runs once.
 */
export async function warmUp(turn: () => Promise<unknown>): Promise<void> {
  let completed = 0
  let cheapest = Number.POSITIVE_INFINITY
  for (let turns = 0; turns < MAX_WARM_UP_TURNS; turns++) {
    const result = (await turn()) as Partial<Measured> | undefined
    if (result?.completed === undefined || result.serverMicroseconds === undefined) return
    if (result.completed >= WARM_AT_ONCE_REQUESTS) return
    completed += result.completed
    if (completed >= WARM_UP_REQUESTS && result.serverMicroseconds >= STANDS_STILL * cheapest) return
    cheapest = Math.min(cheapest, result.serverMicroseconds)
  }
}

/**
 * Alternates the contestants (A B A B), so that other load on the machine slows all alike. Warms each one up first.
 * @param warm names of the contestants that are warm already
 */
export async function alternate<Turns extends Record<string, () => Promise<unknown>>>(
  turns: Turns,
  rounds: number,
  { warm = [] }: { readonly warm?: readonly (keyof Turns)[] } = {},
): Promise<{ [Name in keyof Turns]: Awaited<ReturnType<Turns[Name]>>[] }> {
  const results: Record<string, unknown[]> = Object.fromEntries(Object.keys(turns).map((name) => [name, []]))
  for (const [name, turn] of Object.entries(turns)) if (!warm.includes(name)) await warmUp(turn)
  for (let round = 0; round < rounds; round++)
    for (const [name, turn] of Object.entries(turns)) results[name]?.push(await turn())
  return results as Awaited<ReturnType<typeof alternate<Turns>>>
}

/** Spread of one figure over all rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/** Spread of the ratio of each round: turns of one round ran under the same conditions. */
export function ratio(over: readonly number[], under: readonly number[]): Spread {
  return spread(over.map((value, i) => value / (under[i] as number)))
}
