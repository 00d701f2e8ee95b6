import { randomUUID } from 'node:crypto'
import type { SentSettings } from '../../src/operations/federation/sent-issuer.ts'
import { type KeyPair, keyPair, publicJwk, signAssertion } from './assertion.ts'
import { PUBLIC_URL, TESTER, type TestServer } from './server.ts'

type Members = Readonly<Record<string, unknown>>

/** A platform that signs tokens for its workloads, with keys of its own. */
export interface TestPlatform {
  readonly issuer: string
  readonly kid: string
  readonly pair: KeyPair
  readonly jwks: { readonly keys: readonly Members[] }
  /** A token that is right for realm acme, but for what is given. */
  token(claims?: Members, header?: Members, pair?: KeyPair): string
}

export const ACME = `${PUBLIC_URL}/realms/acme`

export function testPlatform(
  { clock }: Pick<TestServer, 'clock'>,
  issuer = 'https://platform.example',
  algorithm: 'ES256' | 'RS256' = 'ES256',
): TestPlatform {
  const pair = keyPair(algorithm)
  const kid = randomUUID()
  return {
    issuer,
    kid,
    pair,
    jwks: { keys: [{ ...publicJwk(pair), kid }] },
    token: (claims = {}, header = {}, by = pair) => {
      const iat = Math.floor(clock.now.getTime() / 1000)
      const right = { iss: issuer, sub: 'workload', aud: ACME, iat, exp: iat + 3600 }
      return signAssertion(by, { alg: algorithm, kid, ...header }, { ...right, ...claims })
    },
  }
}

/** Realm acme trusts the platform by its uploaded keys. Returns the id. */
export async function trust(
  { operations }: Pick<TestServer, 'operations'>,
  { issuer, jwks }: TestPlatform,
  more: SentSettings = {},
  realm = 'acme',
): Promise<string> {
  const keys = { source: 'jwks', jwks }
  const made = await operations.trustedIssuers.create(TESTER, realm, { issuer, keys, ...more })
  return made.issuer.id
}

interface Bound {
  readonly realm?: string
  readonly name?: string
  readonly roles?: readonly string[]
}

/** A new account that tokens of the issuer get in as, where these rules hold. */
export async function bound(
  { operations }: Pick<TestServer, 'operations'>,
  trustedIssuer: string,
  rules: unknown = [{ claim: 'sub', equals: 'workload' }],
  { realm = 'acme', name = `workload ${randomUUID()}`, roles = ['view'] }: Bound = {},
): Promise<{ readonly clientId: string; readonly identityId: string }> {
  const asked = { name, roles, authMethods: ['federated'] }
  const { account } = await operations.accounts.create(TESTER, realm, asked)
  const { clientId } = account
  const made = await operations.workloadIdentities.create(TESTER, realm, clientId, { trustedIssuer, rules })
  return { clientId, identityId: made.identity.id }
}

export const SHAPES = ['assertion', 'grant', 'exchange'] as const
export type Shape = (typeof SHAPES)[number]

/** The form of a token request with a platform token. */
export function platformForm(shape: Shape, token: string): Record<string, string> {
  const urn = 'urn:ietf:params:oauth'
  if (shape === 'grant') return { grant_type: `${urn}:grant-type:jwt-bearer`, assertion: token }
  if (shape === 'exchange')
    return {
      grant_type: `${urn}:grant-type:token-exchange`,
      subject_token: token,
      subject_token_type: `${urn}:token-type:jwt`,
    }
  return {
    grant_type: 'client_credentials',
    client_assertion_type: `${urn}:client-assertion-type:jwt-bearer`,
    client_assertion: token,
  }
}
