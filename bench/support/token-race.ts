import { join } from 'node:path'
import type { BenchContext, Peer } from './bench.ts'
import { checkUnderLoad } from './checks.ts'
import { measureSignature, startOidcProvider } from './contestants.ts'
import { CONNECTIONS, runLoad, writeRequests } from './load.ts'
import { alternate, type Measured, measure } from './measure.ts'
import { createClient, openAdministration, requestOf, startMintmark } from './mintmark.ts'
import type { Server } from './processes.ts'

export interface TokenRace {
  readonly mintmark: readonly Measured[]
  readonly oidcProvider: readonly Measured[]
  readonly floor: readonly Measured[]
  /** CPU microseconds of one raw signature, round by round. */
  readonly signature: readonly number[]
  /** Tokens a second, by peer. */
  readonly peers: Readonly<Record<string, readonly number[]>>
  /** What was checked of the tokens; `undefined`: nothing. */
  readonly checked: string | undefined
}

/** The same request to all contestants, in turns. @param checks whether the tokens are verified too, which takes some seconds */
export async function raceForTokens(
  { options, postgres, folder, say, floors }: BenchContext,
  algorithm: 'ES256' | 'RS256' | 'EdDSA',
  { checks }: { readonly checks: boolean },
): Promise<TokenRace> {
  const { seconds, rounds, peers } = options
  const databaseUrl = await postgres.createDatabase(`tokens_${algorithm.toLowerCase()}`)
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench', { algorithm })
  await administration.close()
  const mintmark = await startMintmark(databaseUrl)
  const { fastify } = await floors()
  const oidc = await startOidcProvider(algorithm, client)
  const file = (path: string) => writeRequests(join(folder, 'tokens'), [{ ...requestOf(client), path }])
  const turn = (server: Server, path: string) => async () => {
    const load = {
      url: server.url,
      file: file(path),
      order: 'sequential',
      connections: CONNECTIONS,
      seconds,
    } as const
    const measured = await measure(server, load, postgres)
    if (measured.refused > 0) throw new Error(`${server.name} refused ${measured.refused} requests`)
    say(
      `  ${server.name} ${measured.requestsPerSecond.toFixed(0)}/s, ${measured.serverMicroseconds.toFixed(1)} µs`,
    )
    return measured
  }
  try {
    const { signature, others, ...results } = await alternate(
      {
        mintmark: turn(mintmark, requestOf(client).path),
        floor: turn(fastify, requestOf(client).path),
        oidcProvider: turn(oidc, '/token'),
        signature: () => measureSignature(algorithm, 1),
        others: () => ratePeers(peers, folder, seconds),
      },
      rounds,
      { warm: ['floor'] },
    )
    const ratesOf = ({ name }: Peer) => others.map((rates) => rates[name] as number)
    return {
      ...results,
      checked: checks ? await checkUnderLoad(mintmark, client, databaseUrl, folder) : undefined,
      signature,
      peers: Object.fromEntries(peers.map((peer) => [peer.name, ratesOf(peer)])),
    }
  } finally {
    for (const server of [mintmark, oidc]) await server.stop()
  }
}

async function ratePeers(
  peers: readonly Peer[],
  folder: string,
  seconds: number,
): Promise<Record<string, number>> {
  const rates: Record<string, number> = {}
  for (const peer of peers) rates[peer.name] = await ratePeer(peer, folder, seconds)
  return rates
}

async function ratePeer({ url, body }: Peer, folder: string, seconds: number): Promise<number> {
  const { origin, pathname } = new URL(url)
  const file = writeRequests(join(folder, 'peer'), [{ path: pathname, body }])
  const load = { url: origin, file, order: 'sequential', connections: CONNECTIONS, seconds } as const
  const { completed, refused, seconds: took } = await runLoad(load)
  if (refused > 0) throw new Error(`${url} refused ${refused} requests`)
  return completed / took
}
