import type { BenchContext } from './support/bench.ts'
import { type Measured, ratio, spread } from './support/measure.ts'
import { type Report, show } from './support/report.ts'
import { raceForTokens, type TokenRace } from './support/token-race.ts'

/** Compares ES256 tokens by client_secret_post on 64 connections with the floors, oidc-provider and the given peers. */
export async function run(context: BenchContext): Promise<Report> {
  const race = await raceForTokens(context, 'ES256', { checks: true })
  const cpu = (rounds: readonly Measured[]) => rounds.map((round) => round.serverMicroseconds)
  const rate = (rounds: readonly Measured[]) => rounds.map((round) => round.requestsPerSecond)
  const floors = cpu(race.floor).map((value, i) => value + (race.signature[i] as number))
  return {
    title: 'One process on one core issues ES256 tokens to one client: client_secret_post, 64 connections.',
    notes: race.checked === undefined ? [] : [race.checked],
    targets: [
      {
        what: 'CPU a token ÷ (bare Fastify + one signature)',
        wanted: '≤ 1.5',
        found: ratio(cpu(race.mintmark), floors),
      },
      {
        what: 'CPU a token ÷ oidc-provider',
        wanted: '≤ 0.35',
        found: ratio(cpu(race.mintmark), cpu(race.oidcProvider)),
      },
      {
        what: 'tokens/s ÷ oidc-provider',
        wanted: '≥ 2.5',
        found: ratio(rate(race.mintmark), rate(race.oidcProvider)),
      },
      {
        what: 'PostgreSQL CPU a token ÷ (bare Fastify + one signature)',
        wanted: '≤ 0.17',
        found: ratio(
          race.mintmark.map((round) => round.databaseMicroseconds),
          floors,
        ),
      },
    ],
    table: [['', 'server CPU µs', 'PostgreSQL CPU µs', 'requests/s', 'p50 ms', 'p99 ms'], ...rowsOf(race)],
  }
}

function rowsOf({ mintmark, floor, oidcProvider, signature, peers }: TokenRace): string[][] {
  const row = (name: string, rounds: readonly Measured[]) => {
    const of = (key: keyof Measured, digits: number) =>
      show(spread(rounds.map((round) => round[key])), digits)
    return [
      name,
      of('serverMicroseconds', 1),
      of('databaseMicroseconds', 1),
      of('requestsPerSecond', 0),
      of('p50', 1),
      of('p99', 1),
    ]
  }
  return [
    row('Mintmark', mintmark),
    row('oidc-provider', oidcProvider),
    row('floor 1: bare Fastify', floor),
    ['floor 2: one signature', show(spread(signature), 1), '', '', '', ''],
    ...Object.entries(peers).map(([name, rates]) => [name, '', '', show(spread(rates), 0), '', '']),
  ]
}
