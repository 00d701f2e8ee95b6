import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { join } from 'node:path'
import { JWT_BEARER_GRANT } from '../src/http/oauth/platform-grant.ts'
import type { OpenedOperations } from '../src/operations/open.ts'
import type { BenchContext } from './support/bench.ts'
import { CONNECTIONS, type RequestLine, writeRequests } from './support/load.ts'
import { alternate, type Measured, measure, ratio, spread } from './support/measure.ts'
import {
  ACTOR,
  createClient,
  openAdministration,
  PUBLIC_URL,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import { type Report, show } from './support/report.ts'

const REALM = 'bench'
const ISSUER = 'https://platform.example'

/** Tokens of the platform that come again and again, as a few hundred pods hold them. */
const WORKLOADS = 200

/** The token of a platform, RS256 as most have it, beside a secret: 64 connections. */
export async function run({ options, postgres, folder, say }: BenchContext): Promise<Report> {
  const databaseUrl = await postgres.createDatabase('federation')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, REALM, { serviceAccountLimit: WORKLOADS + 1 })
  const tokens = await bindWorkloads(administration)
  await administration.close()
  const mintmark = await startMintmark(databaseUrl)
  const turn = (name: string, requests: readonly RequestLine[]) => async () => {
    const file = writeRequests(join(folder, name), requests)
    const load = {
      url: mintmark.url,
      file,
      order: 'sequential',
      connections: CONNECTIONS,
      seconds: options.seconds,
    } as const
    const measured = await measure(mintmark, load, postgres)
    if (measured.refused > 0) throw new Error(`${measured.refused} requests were refused`)
    say(
      `  ${name} ${measured.serverMicroseconds.toFixed(1)} µs, PostgreSQL ${measured.databaseMicroseconds.toFixed(1)} µs`,
    )
    return measured
  }
  try {
    const { path } = requestOf(client)
    const { secret, platform } = await alternate(
      {
        secret: turn('secret', [requestOf(client)]),
        platform: turn(
          'platform token',
          tokens.map((assertion) => ({
            path,
            body: new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion }).toString(),
          })),
        ),
      },
      options.rounds,
    )
    return report(secret, platform)
  } finally {
    await mintmark.stop()
  }
}

function report(secret: readonly Measured[], platform: readonly Measured[]): Report {
  const of = (rounds: readonly Measured[], key: keyof Measured) => rounds.map((round) => round[key])
  const quotient = (key: keyof Measured) => ratio(of(platform, key), of(secret, key))
  const row = (name: string, rounds: readonly Measured[]) => [
    name,
    show(spread(of(rounds, 'serverMicroseconds')), 1),
    show(spread(of(rounds, 'databaseMicroseconds')), 1),
    show(spread(of(rounds, 'requestsPerSecond')), 0),
    show(spread(of(rounds, 'p50')), 1),
    show(spread(of(rounds, 'p99')), 1),
  ]
  return {
    title: `One process on one core issues ES256 tokens: for the tokens (RS256) of ${WORKLOADS} workloads, which come again, and for a secret; 64 connections.`,
    targets: [
      { what: 'server CPU a token ÷ by secret', wanted: '≤ 1.5', found: quotient('serverMicroseconds') },
    ],
    table: [
      ['', 'server CPU µs', 'PostgreSQL CPU µs', 'requests/s', 'p50 ms', 'p99 ms'],
      row('by secret', secret),
      row('by the token of a platform', platform),
    ],
  }
}

/** An account and a token for each workload. */
async function bindWorkloads({ operations }: OpenedOperations): Promise<string[]> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = randomUUID()
  const keys = { source: 'jwks', jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] } }
  const made = await operations.trustedIssuers.create(ACTOR, REALM, { issuer: ISSUER, keys })
  const tokens: string[] = []
  for (let n = 0; n < WORKLOADS; n++) {
    const name = `workload ${n}`
    const asked = { name, authMethods: ['federated'] }
    const { clientId } = (await operations.accounts.create(ACTOR, REALM, asked)).account
    await operations.workloadIdentities.create(ACTOR, REALM, clientId, {
      trustedIssuer: made.issuer.id,
      rules: [
        { claim: 'sub', equals: `system:serviceaccount:prod:${name}` },
        { claim: ['kubernetes.io', 'namespace'], equals: 'prod' },
      ],
    })
    tokens.push(platformToken(name, kid, privateKey))
  }
  return tokens
}

/** With the claims of a pod. */
function platformToken(name: string, kid: string, privateKey: KeyObject): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    sub: `system:serviceaccount:prod:${name}`,
    aud: [`${PUBLIC_URL}/realms/${REALM}`],
    iat: now,
    nbf: now,
    exp: now + 3600,
    jti: randomUUID(),
    'kubernetes.io': { namespace: 'prod', serviceaccount: { name, uid: randomUUID() } },
  }
  const input = [{ alg: 'RS256', kid }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}
