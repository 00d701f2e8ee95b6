import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import { startHydra } from './contestants/hydra.ts'
import { type RealPeer, startKeycloak } from './contestants/keycloak.ts'
import type { BenchContext } from './support/bench.ts'
import { writeChart } from './support/chart.ts'
import { startOidcProvider } from './support/contestants.ts'
import { CONNECTIONS, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import {
  type Client,
  createClient,
  openAdministration,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import { type Report, show, type Target } from './support/report.ts'

/** The JVM compiles hot code for about 40 s, V8 for a few seconds. */
const WARM_UP_SECONDS = { peer: 40, node: 8 }

/** Starts Keycloak and Hydra, and sends them the requests of `token` under the same load. */
export async function run(context: BenchContext): Promise<Report | undefined> {
  const { options, say } = context
  const { keycloak, hydra } = options
  if (!keycloak && !hydra) {
    say(
      '  left out: name an unpacked Keycloak by --keycloak DIR, a program of Ory Hydra by --hydra FILE, or both',
    )
    return undefined
  }
  for (const path of [keycloak, hydra]) if (path && !existsSync(path)) throw new Error(`${path} is not there`)
  const rounds = await race(context)
  const { Mintmark: mintmark = [], ...peers } = rounds
  const names = Object.keys(peers)
  if (keycloak && hydra) drawChart(rounds)
  return {
    title: `Mintmark beside ${new Intl.ListFormat('en').format(names)}: each on one core, one client, client_secret_post, ES256, ${CONNECTIONS} connections.`,
    notes: [
      `All on one PostgreSQL, on the other core. Keycloak is built for it and started \`--optimized\`; Hydra hashes secrets as it does by default. Each was under load for ${WARM_UP_SECONDS.peer} s before, those of Node for ${WARM_UP_SECONDS.node}.`,
    ],
    targets: names.map((name) => targetOf(name, peers[name] as Measured[], mintmark)),
    table: [
      ['', 'server CPU µs', 'PostgreSQL CPU µs', 'tokens/s', 'p50 ms', 'p99 ms'],
      ...Object.entries(rounds).map(([name, measured]) => rowOf(name, measured)),
    ],
  }
}

async function race(context: BenchContext): Promise<Record<string, Measured[]>> {
  const { options, postgres, folder, say } = context
  const databaseUrl = await postgres.createDatabase('peers')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench', { algorithm: 'ES256' })
  await administration.close()
  const contestants: RealPeer[] = []
  try {
    contestants.push({
      server: await startMintmark(databaseUrl, {}, { name: 'Mintmark' }),
      tokenPath: requestOf(client).path,
    })
    contestants.push({ server: await startOidcProvider('ES256', client), tokenPath: '/token' })
    await startPeers(context, client, contestants)
    const turnOf = (contestant: RealPeer, seconds: number) => async () => {
      const file = writeRequests(join(folder, 'peers'), [
        { ...requestOf(client), path: contestant.tokenPath },
      ])
      const { url, name } = contestant.server
      const load = {
        url,
        file,
        order: 'sequential',
        connections: CONNECTIONS,
        seconds,
        patienceSeconds: 30,
      } as const
      const measured = await measure(contestant.server, load, postgres)
      if (measured.completed === 0) throw new Error(`${name} answered nothing`)
      if (measured.refused > 0) throw new Error(`${name} refused ${measured.refused} requests`)
      say(
        `  ${name} ${measured.requestsPerSecond.toFixed(0)}/s, ${measured.serverMicroseconds.toFixed(1)} µs`,
      )
      return measured
    }
    for (const contestant of contestants) {
      await verifyAlgorithm(contestant, client)
      await turnOf(contestant, isNode(contestant) ? WARM_UP_SECONDS.node : WARM_UP_SECONDS.peer)()
    }
    const turns = contestants.map(
      (contestant) => [contestant.server.name, turnOf(contestant, options.seconds)] as const,
    )
    const warm = turns.map(([name]) => name)
    return await alternate(Object.fromEntries(turns), options.rounds, { warm })
  } finally {
    for (const { server } of contestants) await server.stop()
  }
}

const isNode = ({ server }: RealPeer) => ['Mintmark', 'oidc-provider'].includes(server.name)

async function startPeers(
  { options, postgres, folder, say }: BenchContext,
  client: Client,
  into: RealPeer[],
): Promise<void> {
  if (options.keycloak) {
    say('  Keycloak is built and started')
    const databaseUrl = await postgres.createDatabase('keycloak')
    into.push(await startKeycloak({ from: options.keycloak, databaseUrl, folder, client }))
  }
  if (options.hydra) {
    say('  Hydra is started')
    into.push(await startHydra(options.hydra, await postgres.createDatabase('hydra'), client))
  }
}

/** Checks that a peer signs with ES256, as Mintmark does: RS256 would cost it more. */
async function verifyAlgorithm({ server, tokenPath }: RealPeer, client: Client): Promise<void> {
  const { body = '' } = requestOf(client)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await fetch(server.url + tokenPath, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(`${server.name} answered ${answer.status}: ${await answer.text()}`)
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const { alg } = decodeProtectedHeader(token)
  if (alg !== 'ES256') throw new Error(`${server.name} signs by ${alg}, not by ES256`)
}

const cpuOf = (rounds: readonly Measured[]) => rounds.map((round) => round.serverMicroseconds)

function targetOf(name: string, peer: readonly Measured[], mintmark: readonly Measured[]): Target {
  const wanted = name.startsWith('Keycloak') ? '≥ 15' : name.startsWith('Hydra') ? '≥ 90' : '≥ 2.5'
  return { what: `CPU of ${name} a token ÷ Mintmark's`, wanted, found: ratio(cpuOf(peer), cpuOf(mintmark)) }
}

/** Draws the chart of the README. */
function drawChart(rounds: Readonly<Record<string, readonly Measured[]>>): void {
  const { Mintmark: mintmark = [] } = rounds
  const bars = Object.entries(rounds).map(([name, measured]) => ({
    name,
    value: spread(cpuOf(measured)),
    times: ratio(cpuOf(measured), cpuOf(mintmark)).median,
  }))
  writeChart('Processor time of the server for a token (less is better)', 'µs', bars)
}

function rowOf(name: string, rounds: readonly Measured[]): string[] {
  const of = (key: keyof Measured, digits: number) => show(spread(rounds.map((round) => round[key])), digits)
  return [
    name,
    of('serverMicroseconds', 1),
    of('databaseMicroseconds', 1),
    of('requestsPerSecond', 0),
    of('p50', 1),
    of('p99', 1),
  ]
}
