import DataLoader from 'dataloader'
import { Argon2Overload } from '../crypto/argon2-pool.ts'
import { hmacMatches, hmacOf, isGeneratedSecret } from '../crypto/client-secret.ts'
import { OAuthError, UnknownRealmError } from '../domain/oauth-error.ts'
import { isRealmName } from '../domain/realm.ts'
import {
  type AccountRecord,
  type ClientLookup,
  type ClientRecord,
  findClientRecords,
  type SecretRecord,
} from '../storage/client-records.ts'
import { isDatabaseAway } from '../storage/database.ts'
import type { Dependencies } from './dependencies.ts'
import type { LoadedRealm, LoadedRealms } from './loaded-realms.ts'

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
   * @throws OAuthError `invalid_client`, the same for an unknown client, a disabled one and a wrong secret
   */
  authenticateClient(
    realmName: string,
    credentials: ClientCredentials | undefined,
  ): Promise<AuthenticatedClient>
  /** Client look-ups since the start, and the reads of the database that served them. */
  countLookups(): { readonly lookups: number; readonly batches: number }
}

/** Rows read at once at most. */
const MAX_BATCH = 256

export function createClientAuthentication(
  deps: Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey'>,
  realms: LoadedRealms,
): ClientAuthentication {
  const counts = { lookups: 0, batches: 0 }
  // The cache is off: each decision is made on a row that was read after its request arrived.
  const records = new DataLoader<ClientLookup, ClientRecord | undefined>(
    (lookups) => {
      counts.batches++
      counts.lookups += lookups.length
      return findClientRecords(deps.db, lookups)
    },
    { cache: false, maxBatchSize: MAX_BATCH },
  )

  return {
    countLookups: () => counts,

    async authenticateClient(realmName, credentials) {
      if (!isRealmName(realmName)) throw new UnknownRealmError('not a realm name')
      try {
        const record = await records.load({ realm: realmName, clientId: credentials?.clientId })
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        const loaded = await realms.at(realmName, record.realmVersion)
        if (!credentials)
          throw new OAuthError('invalid_client', 'Client authentication is required.', 'no credentials')
        return await checkSecret(deps, loaded, record.account, credentials)
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        throw new OAuthError(
          'temporarily_unavailable',
          'Try again shortly.',
          `database: ${(error as Error).message}`,
        )
      }
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
