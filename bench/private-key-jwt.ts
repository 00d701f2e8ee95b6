import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import pg from 'pg'
import { CLIENT_ASSERTION_TYPE } from '../src/domain/client-assertion.ts'
import { costRatio, tableOf, turnsOf } from './support/against-secret.ts'
import type { BenchContext } from './support/bench.ts'
import type { RequestLine } from './support/load.ts'
import { alternate, type Measured } from './support/measure.ts'
import {
  type Client,
  createClient,
  openAdministration,
  PUBLIC_URL,
  requestOf,
  startMintmark,
} from './support/mintmark.ts'
import type { Report } from './support/report.ts'

/** Number of tokens of a turn for each of its seconds. */
const TOKENS_A_SECOND = 1500

/** Compares tokens for an assertion with tokens for a secret: ES256 on both sides, 64 connections. */
export async function run(context: BenchContext): Promise<Report> {
  const { options, postgres } = context
  const databaseUrl = await postgres.createDatabase('private_key_jwt')
  const administration = await openAdministration(databaseUrl)
  const client = await createClient(administration, 'bench')
  await administration.close()
  const key = await addKey(databaseUrl, client)
  const amount = TOKENS_A_SECOND * options.seconds
  const mintmark = await startMintmark(databaseUrl)
  const turn = turnsOf(mintmark, context, { seconds: 0, amount })
  // An assertion is valid for one token.
  const assertions = () => Array.from({ length: amount }, () => assertionRequest(client, key))
  try {
    const { secret, assertion } = await alternate(
      { secret: turn('secret', () => [requestOf(client)]), assertion: turn('assertion', assertions) },
      options.rounds,
    )
    return report(secret, assertion)
  } finally {
    await mintmark.stop()
  }
}

function report(secret: readonly Measured[], assertion: readonly Measured[]): Report {
  const found = (key: keyof Measured) => costRatio(key, secret, assertion)
  return {
    title:
      'One process on one core issues ES256 tokens: for an ES256 assertion with its kid, and for a secret; 64 connections.',
    targets: [
      { what: 'server CPU a token ÷ by secret', wanted: '≤ 2.2', found: found('serverMicroseconds') },
      { what: 'PostgreSQL CPU a token ÷ by secret', wanted: '≤ 2', found: found('databaseMicroseconds') },
    ],
    table: tableOf(secret, 'by assertion', assertion),
  }
}

interface Key {
  readonly kid: string
  readonly privateKey: KeyObject
}

async function addKey(databaseUrl: string, { clientId }: Client): Promise<Key> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const kid = randomUUID()
  const database = new pg.Client(databaseUrl)
  await database.connect()
  try {
    await database.query(
      `with account as (
        update service_accounts set auth_methods = '{client_secret,private_key_jwt}' where client_id = $1
        returning realm_id, client_id
      )
      insert into client_keys (realm_id, client_id, kid, thumbprint, algorithm, jwk, created_at)
      select realm_id, client_id, $2, $2, 'ES256', $3, now() from account`,
      [clientId, kid, publicKey.export({ format: 'jwk' })],
    )
  } finally {
    await database.end()
  }
  return { kid, privateKey }
}

function assertionRequest(client: Client, { kid, privateKey }: Key): RequestLine {
  const { realm, clientId } = client
  const now = Math.floor(Date.now() / 1000)
  const aud = `${PUBLIC_URL}/realms/${realm}`
  const claims = { iss: clientId, sub: clientId, aud, jti: randomUUID(), iat: now, exp: now + 300 }
  const input = [{ alg: 'ES256', kid, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const form = {
    grant_type: 'client_credentials',
    client_assertion_type: CLIENT_ASSERTION_TYPE,
    client_assertion: `${input}.${signature.toString('base64url')}`,
  }
  return { path: requestOf(client).path, body: new URLSearchParams(form).toString() }
}
