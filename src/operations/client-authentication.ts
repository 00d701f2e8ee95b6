import { Argon2Overload } from '../crypto/argon2-pool.ts'
import { hmacMatches, hmacOf, isGeneratedSecret } from '../crypto/client-secret.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import type { AccountRecord, SecretRecord } from '../storage/client-records.ts'
import type { Dependencies } from './dependencies.ts'
import type { FreshClients } from './fresh-clients.ts'
import type { LoadedRealm } from './loaded-realms.ts'

export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface AuthenticatedClient {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord
  readonly secretId: string
}

export interface ClientAuthentication {
  /**
   * The client that these credentials are of, as its row says now.
   * @throws UnknownRealmError
   * @throws OAuthError `invalid_client`, the same for an unknown client, a disabled one and a wrong secret;
   *   `temporarily_unavailable`
   */
  authenticateClient(
    realmName: string,
    credentials: ClientCredentials | undefined,
  ): Promise<AuthenticatedClient>
}

export function clientAuthentication(
  deps: Pick<Dependencies, 'clock' | 'argon2' | 'verifierKey'>,
  { find }: Pick<FreshClients, 'find'>,
): ClientAuthentication {
  return {
    async authenticateClient(realmName, credentials) {
      const { loaded, account } = await find(realmName, credentials?.clientId)
      if (!credentials)
        throw new OAuthError('invalid_client', 'Client authentication is required.', 'no credentials')
      return checkSecret(deps, loaded, account, credentials)
    },
  }
}

async function checkSecret(
  { clock, argon2, verifierKey }: Pick<Dependencies, 'clock' | 'argon2' | 'verifierKey'>,
  loaded: LoadedRealm,
  account: AccountRecord | undefined,
  { clientSecret }: ClientCredentials,
): Promise<AuthenticatedClient> {
  const now = clock()
  const valid = account?.secrets.filter((secret) => !secret.expiresAt || secret.expiresAt > now) ?? []
  const match = isGeneratedSecret(clientSecret)
    ? matchHmac(hmacOf(clientSecret, verifierKey), valid)
    : await matchArgon2(argon2, clientSecret, valid, loaded)

  // Decided after the work, so that the time taken says nothing of the account.
  if (!account) refuse('unknown client')
  if (!match)
    refuse(
      isGeneratedSecret(clientSecret) ? 'wrong secret' : 'wrong secret, and not one that the server made',
    )
  if (account.disabledAt) refuse('account disabled')
  return { loaded, account, secretId: match.id }
}

function matchHmac(presented: Buffer, secrets: readonly SecretRecord[]): SecretRecord | undefined {
  let match: SecretRecord | undefined
  // Two, since an account has at most two: as much work for one that has none.
  for (let i = 0; i < 2; i++) {
    if (hmacMatches(presented, secrets[i]?.hmac)) match = secrets[i]
  }
  return match
}

async function matchArgon2(
  argon2: Dependencies['argon2'],
  clientSecret: string,
  secrets: readonly SecretRecord[],
  { realm }: LoadedRealm,
): Promise<SecretRecord | undefined> {
  // Garbage costs nothing where every secret has a checksum. Where some have not, it costs the same for all clients.
  if (!realm.importsSecrets) return undefined
  const imported = secrets.find((secret) => !secret.hmac)
  try {
    return (await argon2.verify(clientSecret, imported?.phc)) ? imported : undefined
  } catch (error) {
    if (!(error instanceof Argon2Overload)) throw error
    throw new OAuthError('temporarily_unavailable', 'Try again shortly.', error.message)
  }
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_client', 'Client authentication failed.', reason)
}
