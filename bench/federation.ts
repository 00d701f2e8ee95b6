import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { JWT_BEARER_GRANT } from '../src/http/oauth/platform-grant.ts'
import type { OpenedOperations } from '../src/operations/open.ts'
import { costRatio, tableOf, turnsOf } from './support/against-secret.ts'
import type { BenchContext } from './support/bench.ts'
import { alternate, type Measured } from './support/measure.ts'
import {
  ACTOR,
  createClient,
  openAdministration,
  PUBLIC_URL,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import type { Report } from './support/report.ts'

const REALM = 'bench'
const ISSUER = 'https://platform.example'

/** Platform tokens that are sent again and again, as by a few hundred pods. */
const WORKLOADS = 200

/** Compares tokens issued for a platform's token (RS256, the most common) with tokens issued for a secret: 64 connections. */
export async function run(context: BenchContext): Promise<Report> {
  const { options, postgres } = context
  const databaseUrl = await postgres.createDatabase('federation')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, REALM, { serviceAccountLimit: WORKLOADS + 1 })
  const tokens = await bindWorkloads(administration)
  await administration.close()
  const mintmark = await startMintmark(databaseUrl)
  const turn = turnsOf(mintmark, context, { seconds: options.seconds })
  const { path } = requestOf(client)
  const requests = tokens.map((assertion) => ({
    path,
    body: new URLSearchParams({ grant_type: JWT_BEARER_GRANT, assertion }).toString(),
  }))
  try {
    const { secret, platform } = await alternate(
      { secret: turn('secret', () => [requestOf(client)]), platform: turn('platform token', () => requests) },
      options.rounds,
    )
    return report(secret, platform)
  } finally {
    await mintmark.stop()
  }
}

function report(secret: readonly Measured[], platform: readonly Measured[]): Report {
  const found = costRatio('serverMicroseconds', secret, platform)
  return {
    title: `One process on one core issues ES256 tokens: for the tokens (RS256) of ${WORKLOADS} workloads, which come again, and for a secret; 64 connections.`,
    targets: [{ what: 'server CPU a token ÷ by secret', wanted: '≤ 1.5', found }],
    table: tableOf(secret, 'by the token of a platform', platform),
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
