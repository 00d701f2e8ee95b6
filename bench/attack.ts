import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { generateClientSecret } from '../src/crypto/client-secret.ts'
import { newClientId } from '../src/crypto/identifier.ts'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, type Load, runLoad, tokenRequest, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread, warmUp } from './support/measure.ts'
import {
  ACTOR,
  type Client,
  createClient,
  openAdministration,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

const WRONG_A_SECOND = 500

/** Connections of the attack: more than the queue of argon2id holds, so that the other wrong secrets still arrive. */
const ATTACKERS = 500
const IMPORTED = 30

/** The load generator of the attack starts first: its start uses the core of the good clients and PostgreSQL for a second. */
const HEAD_START_SECONDS = 2

/** Compares good clients with and without an attack: wrong secrets, each from another address. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('attack')
  const client = await prepare(databaseUrl)
  const server = await startMintmark(databaseUrl, { TRUST_PROXY: 'loopback' })
  const shared = { url: server.url, order: 'random', seconds: options.seconds } as const
  const good: Load = {
    ...shared,
    file: writeRequests(join(folder, 'good'), [requestOf(client)]),
    connections: CONNECTIONS,
  }
  const attack: Load = {
    ...shared,
    file: writeRequests(join(folder, 'wrong'), wrongRequests(client)),
    connections: ATTACKERS,
    seconds: options.seconds + HEAD_START_SECONDS + 1,
    rate: WRONG_A_SECOND,
    manyAddresses: true,
  }
  const turn = async () => {
    const measured = await measure(server, good, postgres)
    if (measured.refused > 0) throw new Error(`${measured.refused} good requests were refused`)
    say(`  ${measured.requestsPerSecond.toFixed(0)}/s, p99 ${measured.p99.toFixed(1)} ms`)
    return measured
  }
  const attempts: number[] = []
  const underAttack = async () => {
    const attacking = runLoad(attack)
    await sleep(HEAD_START_SECONDS * 1000)
    const measured = await turn()
    const { completed, seconds } = await attacking
    attempts.push(completed / seconds)
    return measured
  }
  try {
    // Both turns use one server, so one warm-up is enough.
    await warmUp(turn)
    const turns = { calm: turn, attacked: underAttack }
    const { calm, attacked } = await alternate(turns, options.rounds, { warm: ['calm', 'attacked'] })
    const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
    const row = (name: string, rounds: readonly Measured[]) => [
      name,
      show(spread(of(rounds, 'requestsPerSecond')), 0),
      show(spread(of(rounds, 'p99')), 1),
    ]
    return {
      title: `Good clients while ${WRONG_A_SECOND} wrong secrets a second come from ever other addresses: a third well-formed for a known client, a third for unknown ones, a third for ${IMPORTED} imported accounts, which argon2id guards.`,
      notes: [`Wrong secrets answered a second: ${show(spread(attempts), 0)}.`],
      targets: [
        {
          what: 'p99 under attack ÷ without',
          wanted: '≤ 2',
          found: ratio(of(attacked, 'p99'), of(calm, 'p99')),
        },
        {
          what: 'tokens/s under attack ÷ without',
          wanted: '≥ 0.85',
          found: ratio(of(attacked, 'requestsPerSecond'), of(calm, 'requestsPerSecond')),
        },
      ],
      table: [['', 'tokens/s', 'p99 ms'], row('without', calm), row('under attack', attacked)],
    }
  } finally {
    await server.stop()
  }
}

async function prepare(databaseUrl: string): Promise<Client> {
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench', { serviceAccountLimit: 100 })
  for (let n = 0; n < IMPORTED; n++)
    await administration.operations.accounts.create(ACTOR, 'bench', {
      name: `imported ${n}`,
      imported: { clientId: `imported-${n}`, clientSecret: `a secret of their own ${n}` },
    })
  await administration.close()
  return client
}

function wrongRequests({ realm, clientId }: Client) {
  return Array.from({ length: 3000 }, (_, n) => {
    if (n % 3 === 0) return tokenRequest(realm, clientId, generateClientSecret())
    if (n % 3 === 1) return tokenRequest(realm, newClientId(), generateClientSecret())
    return tokenRequest(realm, `imported-${n % IMPORTED}`, `guess-number-${n}`)
  })
}
