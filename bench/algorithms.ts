import type { BenchContext } from './support/bench.ts'
import { type Measured, ratio, spread } from './support/measure.ts'
import { type Report, show } from './support/report.ts'
import { raceForTokens } from './support/token-race.ts'

/** These figures have no target. */
const MAX_ROUNDS = 2

/** Measures RS256 and EdDSA as `token` measures ES256. */
export async function run(context: BenchContext): Promise<Report> {
  const rows: string[][] = []
  const options = { ...context.options, rounds: Math.min(context.options.rounds, MAX_ROUNDS) }
  for (const algorithm of ['RS256', 'EdDSA'] as const) {
    const { mintmark, oidcProvider, floor, signature } = await raceForTokens(
      { ...context, options },
      algorithm,
      { checks: false },
    )
    const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
    const cpu = (rounds: readonly Measured[]) => of(rounds, 'serverMicroseconds')
    const floors = cpu(floor).map((value, i) => value + (signature[i] as number))
    const rates = ratio(of(mintmark, 'requestsPerSecond'), of(oidcProvider, 'requestsPerSecond'))
    rows.push([
      algorithm,
      show(spread(cpu(mintmark)), 1),
      show(spread(signature), 1),
      show(ratio(cpu(mintmark), floors)),
      show(ratio(cpu(mintmark), cpu(oidcProvider))),
      show(rates),
    ])
  }
  return {
    title:
      'The other algorithms, as `token` measures ES256. TLS is the business of the proxy in front, and in no figure.',
    table: [
      [
        '',
        'server CPU µs',
        'one signature µs',
        'CPU ÷ floors',
        'CPU ÷ oidc-provider',
        'tokens/s ÷ oidc-provider',
      ],
      ...rows,
    ],
  }
}
