import { constants, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import pg from 'pg'
import { CLIENT_ASSERTION_TYPE } from '../../src/domain/client-assertion.ts'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { TESTER, type TestServer } from './server.ts'

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function keyPair(algorithm: KeyAlgorithm, modulusLength = 2048): KeyPair {
  if (algorithm === 'RS256' || algorithm === 'PS256') return generateKeyPairSync('rsa', { modulusLength })
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' })
  if (algorithm.startsWith('ML-')) return generateKeyPairSync(algorithm.toLowerCase() as 'ml-dsa-44')
  return generateKeyPairSync('ed25519')
}

export function publicJwk({ publicKey }: KeyPair): Record<string, string> {
  return publicKey.export({ format: 'jwk' }) as Record<string, string>
}

type Members = Readonly<Record<string, unknown>>

/** Members that are `undefined` are left out. */
export function signAssertion({ privateKey }: KeyPair, header: Members, claims: Members): string {
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${signatureOf(privateKey, header['alg'], Buffer.from(input)).toString('base64url')}`
}

function signatureOf(key: KeyObject, algorithm: unknown, input: Buffer): Buffer {
  if (algorithm === 'ES256') return sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'ES384') return sign('sha384', input, { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'RS256') return sign('sha256', input, key)
  if (algorithm === 'PS256')
    return sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
  return sign(key.asymmetricKeyType === 'ec' ? 'sha256' : null, input, key)
}

/** Claims that are right, for a minute. */
export function assertionClaims(clientId: string, audience: string, now: Date): Members {
  const iat = Math.floor(now.getTime() / 1000)
  return { iss: clientId, sub: clientId, aud: audience, jti: randomUUID(), iat, exp: iat + 60 }
}

/** A form's members for an assertion. */
export function assertionForm(assertion: string): Record<string, string> {
  return { client_assertion_type: CLIENT_ASSERTION_TYPE, client_assertion: assertion }
}

export interface KeyClient {
  readonly clientId: string
  readonly kid: string
  readonly pair: KeyPair
  readonly algorithm: KeyAlgorithm
  /** Signs claims that are right, but for those given. */
  assertion(claims?: Members, header?: Members): string
}

interface KeyClientOptions {
  readonly realm?: string
  readonly name?: string
  readonly algorithm?: KeyAlgorithm
  readonly roles?: readonly string[]
  readonly pair?: KeyPair
}

/** A client that has a key and no secret. */
export async function keyClient(server: TestServer, options: KeyClientOptions = {}): Promise<KeyClient> {
  const { realm = 'acme', name = 'CI with a key', algorithm = 'ES256', roles = ['view'] } = options
  const { pair = keyPair(algorithm) } = options
  const { account } = await server.operations.accounts.create(TESTER, realm, { name, roles })
  const { clientId } = account
  await query(server, "update service_accounts set auth_methods = '{private_key_jwt}' where client_id = $1", [
    clientId,
  ])
  const kid = await addKey(server, clientId, pair, { algorithm })
  const { issuer } = await server.operations.publishedRealms.find(realm)
  return {
    clientId,
    kid,
    pair,
    algorithm,
    assertion: (claims = {}, header = {}) =>
      signAssertion(
        pair,
        { alg: algorithm, kid, ...header },
        { ...assertionClaims(clientId, issuer, server.clock.now), ...claims },
      ),
  }
}

interface NewKey {
  readonly algorithm: KeyAlgorithm
  readonly kid?: string
  readonly expiresAt?: Date
}

/** Adds a key to an account, and returns its kid. */
export async function addKey(
  server: TestServer,
  clientId: string,
  pair: KeyPair,
  { algorithm, kid, expiresAt }: NewKey,
): Promise<string> {
  const thumbprint = randomUUID()
  const jwk = publicJwk(pair)
  await query(
    server,
    `insert into client_keys (realm_id, client_id, kid, thumbprint, algorithm, jwk, created_at, expires_at)
     select realm_id, client_id, $2, $3, $4, $5, $6, $7 from service_accounts where client_id = $1`,
    [clientId, kid ?? thumbprint, thumbprint, algorithm, jwk, server.clock.now, expiresAt ?? null],
  )
  return kid ?? thumbprint
}

export async function query({ databaseUrl }: TestServer, text: string, values: unknown[] = []) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

/** Asks a protocol endpoint of realm acme with an assertion. */
export function askWith(
  { app }: Pick<TestServer, 'app'>,
  assertion: string,
  more: Readonly<Record<string, string>> = {},
  { endpoint = 'token', address = '198.51.100.7', headers = {} } = {},
) {
  return app.inject({
    method: 'POST',
    url: `/realms/acme/protocol/openid-connect/${endpoint}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    remoteAddress: address,
    payload: new URLSearchParams({
      ...(endpoint === 'token' && { grant_type: 'client_credentials' }),
      ...assertionForm(assertion),
      ...more,
    }).toString(),
  })
}
