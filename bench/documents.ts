import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { startFloor } from './support/contestants.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { createClient, openAdministration, startMintmark } from './support/mintmark.ts'
import type { Server } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

/** Compares JWKS and discovery with a bare Fastify that answers the same bytes and logs each request. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('documents')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench')
  await administration.close()
  const paths = {
    jwks: '/realms/bench/protocol/openid-connect/certs',
    discovery: '/realms/bench/.well-known/openid-configuration',
  }
  const server = await startMintmark(databaseUrl)
  const floor = await startFloor(server, client, { path: paths.jwks })
  const logging = await startFloor(server, client, { path: paths.jwks, log: true })
  const turn = (at: Server, path: string) => async () => {
    const file = writeRequests(join(folder, 'documents'), [{ path }])
    const { seconds } = options
    const load = { url: at.url, file, order: 'sequential', connections: CONNECTIONS, seconds } as const
    const measured = await measure(at, load, postgres)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    say(`  ${at.name} ${measured.requestsPerSecond.toFixed(0)}/s`)
    return measured
  }
  try {
    const { jwks, discovery, bare, logged } = await alternate(
      {
        bare: turn(floor, paths.jwks),
        logged: turn(logging, paths.jwks),
        jwks: turn(server, paths.jwks),
        discovery: turn(server, paths.discovery),
      },
      options.rounds,
    )
    const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
    const rate = (rounds: readonly Measured[]) => of(rounds, 'requestsPerSecond')
    const row = (name: string, rounds: readonly Measured[]) => [
      name,
      show(spread(rate(rounds)), 0),
      show(spread(of(rounds, 'serverMicroseconds')), 1),
    ]
    return {
      title:
        'JWKS and discovery, read afresh by every request, beside a bare Fastify that answers the same bytes.',
      targets: [
        {
          what: 'JWKS/s ÷ bare Fastify that logs each request',
          wanted: '≥ 1',
          found: ratio(rate(jwks), rate(logged)),
        },
        {
          what: 'discovery/s ÷ bare Fastify that logs each request',
          wanted: '≥ 1',
          found: ratio(rate(discovery), rate(logged)),
        },
      ],
      table: [
        ['', 'requests/s', 'server CPU µs'],
        row('bare Fastify', bare),
        row('bare Fastify with its own log of requests', logged),
        row('JWKS', jwks),
        row('discovery', discovery),
      ],
    }
  } finally {
    await server.stop()
    await floor.stop()
    await logging.stop()
  }
}
