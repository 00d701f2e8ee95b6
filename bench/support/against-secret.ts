import { join } from 'node:path'
import type { BenchContext } from './bench.ts'
import { CONNECTIONS, type RequestLine, writeRequests } from './load.ts'
import { type Measured, measure, ratio, type Spread, spread } from './measure.ts'
import type { Server } from './processes.ts'
import { show } from './report.ts'

/** Length of a turn: `seconds`, or `amount` requests. */
type Extent = Pick<Parameters<typeof measure>[1], 'seconds' | 'amount'>

/** Creates turns on one server. A turn fails if the server refuses a request. */
export function turnsOf(mintmark: Server, { postgres, folder, say }: BenchContext, extent: Extent) {
  return (name: string, requests: () => readonly RequestLine[]) => async (): Promise<Measured> => {
    const file = writeRequests(join(folder, name), requests())
    const load = {
      url: mintmark.url,
      file,
      order: 'sequential',
      connections: CONNECTIONS,
      ...extent,
    } as const
    const measured = await measure(mintmark, load, postgres)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    const [server, database] = [measured.serverMicroseconds, measured.databaseMicroseconds]
    say(`  ${name} ${server.toFixed(1)} µs, PostgreSQL ${database.toFixed(1)} µs`)
    return measured
  }
}

const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])

/** Cost of a token by another method ÷ cost of a token by a secret. */
export function costRatio(
  key: keyof Measured,
  secret: readonly Measured[],
  other: readonly Measured[],
): Spread {
  return ratio(of(other, key), of(secret, key))
}

/** A table with a row for tokens by a secret and one for the others. */
export function tableOf(secret: readonly Measured[], name: string, other: readonly Measured[]): string[][] {
  return [
    ['', 'server CPU µs', 'PostgreSQL CPU µs', 'requests/s', 'p50 ms', 'p99 ms'],
    rowOf('by secret', secret),
    rowOf(name, other),
  ]
}

function rowOf(name: string, rounds: readonly Measured[]): string[] {
  return [
    name,
    show(spread(of(rounds, 'serverMicroseconds')), 1),
    show(spread(of(rounds, 'databaseMicroseconds')), 1),
    show(spread(of(rounds, 'requestsPerSecond')), 0),
    show(spread(of(rounds, 'p50')), 1),
    show(spread(of(rounds, 'p99')), 1),
  ]
}
