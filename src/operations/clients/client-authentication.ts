import { Argon2Overload } from '../../crypto/argon2-pool.ts'
import { hmacMatches, hmacOf, isGeneratedSecret } from '../../crypto/client-secret.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { AccountRecord, SecretRecord } from '../../storage/client-records.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Attempt } from './failed-attempts.ts'
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
   * @throws TooManyFailuresError; never for a secret that the server made and that is right
   */
  authenticateClient(
    realmName: string,
    credentials: ClientCredentials | undefined,
    address: string,
  ): Promise<AuthenticatedClient>
}

type Deps = Pick<Dependencies, 'clock' | 'argon2' | 'verifierKey' | 'failedAttempts'>

export function clientAuthentication(deps: Deps, { find }: Pick<FreshClients, 'find'>): ClientAuthentication {
  const { failedAttempts } = deps

  return {
    async authenticateClient(realmName, credentials, address) {
      const { loaded, account } = await find(realmName, credentials?.clientId)
      if (!credentials)
        throw new OAuthError('invalid_client', 'Client authentication is required.', 'no credentials')
      const attempt = { realm: realmName, clientId: credentials.clientId, address }
      try {
        return await checkSecret(deps, { loaded, account, clientSecret: credentials.clientSecret, attempt })
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'invalid_client')
          await failedAttempts.noteFailure(attempt)
        throw error
      }
    },
  }
}

interface Check {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord | undefined
  readonly clientSecret: string
  readonly attempt: Attempt
}

async function checkSecret(deps: Deps, check: Check): Promise<AuthenticatedClient> {
  const { loaded, account, clientSecret } = check
  const now = deps.clock()
  const valid = account?.secrets.filter((secret) => !secret.expiresAt || secret.expiresAt > now) ?? []
  const generated = isGeneratedSecret(clientSecret)
  const match = generated
    ? matchHmac(hmacOf(clientSecret, deps.verifierKey), valid)
    : await matchArgon2(deps, check, valid)

  // Decided after the work, so that the time taken says nothing of the account.
  if (!account) refuse('unknown client')
  if (!match) refuse(generated ? 'wrong secret' : 'wrong secret, and not one that the server made')
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
  { argon2, failedAttempts }: Deps,
  { loaded, clientSecret, attempt }: Check,
  secrets: readonly SecretRecord[],
): Promise<SecretRecord | undefined> {
  // Garbage costs nothing where every secret has a checksum. Where some have not, it costs the same for all clients.
  if (!loaded.realm.importsSecrets) return undefined
  // A secret of the client's choosing could be guessed: guesses are limited before they are worth work.
  await failedAttempts.requirePatience(attempt)
  const imported = secrets.find((secret) => !secret.hmac)
  try {
    if (!(await argon2.verify(clientSecret, imported?.phc))) return undefined
  } catch (error) {
    if (!(error instanceof Argon2Overload)) throw error
    throw new OAuthError('temporarily_unavailable', 'Try again shortly.', error.message)
  }
  failedAttempts.noteSuccess(attempt)
  return imported
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_client', 'Client authentication failed.', reason)
}
