import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { BenchContext } from './support/bench.ts'
import { FLOORS_ROW } from './support/floors.ts'
import { AUDIENCE, startIssuer } from './support/issuer.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import { type Server, startServer } from './support/processes.ts'
import { type Report, show } from './support/report.ts'

const TOKENS = 1000
const MAIN = join(import.meta.dirname, '../packages/verifier/src/guard/main.ts')
const HTTP = join(import.meta.dirname, 'contestants/http.ts')

/** Compares the guard, which checks good tokens, with a bare Node HTTP server that gives empty answers to the same requests. */
export async function run({ options, folder, floors, say }: BenchContext): Promise<Report> {
  const issuer = await startIssuer(10)
  const bearers = await issuer.tokens(TOKENS)
  const requests = (path: string) =>
    writeRequests(
      join(folder, 'guard'),
      bearers.map((bearer) => ({ path, bearer })),
    )
  const guards = await Promise.all([
    startGuard(folder, 'guard', { issuer: issuer.url }),
    startGuard(folder, 'guard-routes', { issuer: issuer.url }, [{ path: '/', scope: 'view' }]),
    startGuard(folder, 'guard-unknown', { issuer: issuer.url, rememberTokens: 0 }),
  ])
  const bare = await startServer({ name: 'bare', args: [HTTP] })
  const floor = await floors()
  const turn = (at: Server, path: string) => async () => {
    const { seconds } = options
    const load = { url: at.url, file: requests(path), order: 'sequential', connections: CONNECTIONS } as const
    const measured = await measure(at, { ...load, seconds })
    if (measured.refused > 0) throw new Error(`${measured.refused} checks were refused`)
    say(
      `  ${at.name} ${measured.requestsPerSecond.toFixed(0)}/s ${measured.serverMicroseconds.toFixed(1)} µs`,
    )
    return measured
  }
  try {
    const [demand, routes, unknown] = guards as [Server, Server, Server]
    const rounds = await alternate(
      {
        bare: turn(bare, '/check?scope=view'),
        demand: turn(demand, '/check?scope=view'),
        routes: turn(routes, '/check/devices/1'),
        unknown: turn(unknown, '/check?scope=view'),
        floors: floor.measure,
      },
      options.rounds,
      { warm: ['floors'] },
    )
    return report(rounds)
  } finally {
    await Promise.all([...guards, bare].map((server) => server.stop()))
    issuer.close()
  }
}

async function startGuard(folder: string, name: string, issuer: object, routes?: object[]): Promise<Server> {
  const port = await freePort()
  const config = join(folder, `${name}.json`)
  writeFileSync(config, JSON.stringify({ issuers: [{ audience: AUDIENCE, ...issuer }], routes }))
  return startServer({
    name,
    args: [MAIN, 'guard', '--config', config, '--listen', `127.0.0.1:${port}`],
    url: `http://127.0.0.1:${port}`,
    readyPath: '/ready',
  })
}

interface Rounds extends Record<'bare' | 'demand' | 'routes' | 'unknown', readonly Measured[]> {
  readonly floors: readonly number[]
}

function report(rounds: Rounds): Report {
  const of = (measured: readonly Measured[], key: keyof Measured) => measured.map((round) => round[key])
  const row = (name: string, measured: readonly Measured[]) => [
    name,
    show(spread(of(measured, 'requestsPerSecond')), 0),
    show(spread(of(measured, 'serverMicroseconds')), 1),
    show(spread(of(measured, 'p99')), 1),
  ]
  const rate = (measured: readonly Measured[]) => of(measured, 'requestsPerSecond')
  return {
    title: `Checks of ${TOKENS} good ES256 tokens by the guard on one core, beside a bare HTTP server of Node.`,
    notes: [
      'A token is known once its signature was checked; revocation, times and key are checked each time.',
    ],
    targets: [
      {
        what: 'server CPU a check ÷ (bare Fastify + one signature)',
        wanted: '≤ 0.85',
        found: ratio(of(rounds.demand, 'serverMicroseconds'), rounds.floors),
      },
      {
        what: 'checks/s ÷ bare Node',
        wanted: '≥ 0.5',
        found: ratio(rate(rounds.demand), rate(rounds.bare)),
      },
    ],
    table: [
      ['', 'requests/s', 'server CPU µs', 'p99 ms'],
      row('bare Node', rounds.bare),
      row('known tokens, the demand in the query', rounds.demand),
      row('known tokens, the demand by routes of a file', rounds.routes),
      row('unknown tokens: each signature is checked', rounds.unknown),
      [FLOORS_ROW, '', show(spread(rounds.floors), 1), ''],
    ],
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
