import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, type RequestLine, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

/** Introspection (RFC 7662) of a token by a client of its realm, beside issuing one. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('introspection')
  const administration = await openAdministration(databaseUrl)
  const settings = { tokenLifetimeSeconds: 3600 }
  const client = await createClient(administration, 'bench', settings, { roles: ['introspect'] })
  await administration.close()
  const server = await startMintmark(databaseUrl)
  const issuance = requestOf(client)
  const introspection = await introspectionOf(server.url, issuance)
  const turn = (request: RequestLine) => async () => {
    const file = writeRequests(join(folder, 'introspection'), [request])
    const { seconds } = options
    const load = { url: server.url, file, order: 'sequential', connections: CONNECTIONS, seconds } as const
    const measured = await measure(server, load, postgres)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s`)
    return measured
  }
  try {
    const { issue, introspect } = await alternate(
      { issue: turn(issuance), introspect: turn(introspection) },
      options.rounds,
    )
    const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
    const row = (name: string, rounds: readonly Measured[]) => [
      name,
      show(spread(of(rounds, 'requestsPerSecond')), 0),
      show(spread(of(rounds, 'serverMicroseconds')), 1),
      show(spread(of(rounds, 'databaseMicroseconds')), 1),
    ]
    return {
      title: 'Introspection of an active token, beside issuing one.',
      targets: [
        {
          what: 'introspections/s ÷ tokens/s',
          wanted: '≥ 1',
          found: ratio(of(introspect, 'requestsPerSecond'), of(issue, 'requestsPerSecond')),
        },
      ],
      table: [
        ['', 'requests/s', 'server CPU µs', 'PostgreSQL CPU µs'],
        row('token', issue),
        row('introspection', introspect),
      ],
    }
  } finally {
    await server.stop()
  }
}

/** @throws Error where the server does not call the token active */
async function introspectionOf(url: string, { path, body = '' }: RequestLine): Promise<RequestLine> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = async (request: Required<Pick<RequestLine, 'path' | 'body'>>) =>
    (await (await fetch(url + request.path, { method: 'POST', body: request.body, headers })).json()) as {
      access_token?: string
      active?: boolean
    }
  const { access_token: token = '' } = await post({ path, body })
  const request = {
    path: `${path}/introspect`,
    body: `${body.replace('grant_type=client_credentials&', '')}&token=${token}`,
  }
  const { active } = await post(request)
  if (active !== true) throw new Error('introspection does not know a token that was just issued')
  return request
}
