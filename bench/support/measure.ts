import { type Load, type LoadResult, runLoad } from './load.ts'
import type { BenchPostgres } from './postgres.ts'
import { cpuMicroseconds, familyOf, type Server } from './processes.ts'

export interface Measured extends LoadResult {
  readonly requestsPerSecond: number
  /** CPU microseconds a request. */
  readonly serverMicroseconds: number
  readonly databaseMicroseconds: number
}

/** Runs a load on a server and reads what it cost the server, with its workers, and the database. */
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

/** Takes turns, A B A B, so that what the machine does meanwhile falls on all alike. The first turns warm up. */
export async function alternate<Turns extends Record<string, () => Promise<unknown>>>(
  turns: Turns,
  rounds: number,
  warmUps = 1,
): Promise<{ [Name in keyof Turns]: Awaited<ReturnType<Turns[Name]>>[] }> {
  const results: Record<string, unknown[]> = Object.fromEntries(Object.keys(turns).map((name) => [name, []]))
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, turn] of Object.entries(turns)) {
      const result = await turn()
      if (round >= 0) results[name]?.push(result)
    }
  }
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

/** Round by round, since rounds of one turn saw the same machine. */
export function ratio(over: readonly number[], under: readonly number[]): Spread {
  return spread(over.map((value, i) => value / (under[i] as number)))
}
