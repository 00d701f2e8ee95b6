import { isGeneratedSecret, type SecretOwner } from '../../crypto/client-secret.ts'
import { type AuthenticationFault, OAuthError } from '../../domain/oauth-error.ts'
import { isClientId } from '../../domain/service-account.ts'
import type { AccountRecord, SecretRecord } from '../../storage/client-records.ts'
import type { Dependencies } from '../dependencies.ts'
import { endOfTokens, LIMIT_FAULTS, limitFault } from './account-limits.ts'
import type { AuthenticatedClient } from './authenticated-client.ts'
import {
  type AssertionCredentials,
  type AssertionReads,
  assertionAuthentication,
} from './client-assertions.ts'
import { hasForeignHash, matchesForeign } from './foreign-secrets.ts'
import type { FreshClients } from './fresh-clients.ts'
import { matchGenerated } from './generated-secrets.ts'
import { matchesImported, type PresentedSecret } from './imported-secrets.ts'
import type { LoadedRealm } from './realm-loading.ts'
import type { AuthenticateWorkload, WorkloadCredentials } from './workload-credentials.ts'

export interface SecretCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

export type ClientCredentials = SecretCredentials | AssertionCredentials | WorkloadCredentials

type Deps = Pick<
  Dependencies,
  | 'db'
  | 'tokenDb'
  | 'cacheSizes'
  | 'assertionDb'
  | 'clock'
  | 'argon2'
  | 'verifierKey'
  | 'failedAttempts'
  | 'plainHashesUntil'
  | 'log'
>

export type ClientAuthentication = ReturnType<typeof clientAuthentication>

export function clientAuthentication(
  deps: Deps,
  freshClients: Pick<FreshClients, 'find'> & AssertionReads,
  authenticateWorkload: AuthenticateWorkload,
) {
  const byAssertion = assertionAuthentication(deps, freshClients)
  return {
    /**
     * Authenticates a client against its current row.
     * @throws UnknownRealmError
     * @throws OAuthError `invalid_client`, the same for an unknown client, a disabled one and a wrong secret or assertion;
     *   `temporarily_unavailable`
     * @throws TooManyFailuresError; never for a secret that the server made and that is right, nor for what is right and
     *   comes from a network without failed attempts
     */
    async authenticate(
      realmName: string,
      credentials: ClientCredentials | undefined,
      address: string,
    ): Promise<AuthenticatedClient> {
      if (credentials && !('clientSecret' in credentials))
        return 'assertion' in credentials
          ? byAssertion.authenticate(realmName, credentials, address)
          : authenticateWorkload(realmName, credentials, address, 'invalid_client')
      const { loaded, account } = await freshClients.find(realmName, credentials?.clientId)
      if (!credentials)
        throw new OAuthError(
          'invalid_client',
          'Client authentication is required.',
          'no credentials',
          'no_credentials',
        )
      const { clientId, clientSecret } = credentials
      const valid = validSecrets(account, deps.clock())
      // A generated secret cannot be guessed, so it is compared at once, however many strangers failed.
      const generated = isGeneratedSecret(clientSecret)
      const owner = { realmId: loaded.realm.id, clientId }
      const matching = generated
        ? matchGenerated(deps, { clientSecret, owner }, valid)
        : guess(deps, { loaded, owner, clientSecret, address, valid })
      const match = matching instanceof Promise ? await matching : matching

      // Decided after the work, so that timing reveals nothing about the account.
      if (match && account && !account.disabledAt) {
        const fault = limitFault(account, address, deps.clock())
        if (fault === undefined) return authenticated(loaded, account, match.id)
        refuse(fault === 'ended' ? 'account_ended' : 'network_not_allowed', LIMIT_FAULTS[fault])
      }
      if (generated && !match) await deps.failedAttempts.noteFailure(address)
      if (!account) refuse('unknown_client', 'unknown client')
      if (match !== undefined) refuse('account_disabled', 'account disabled')
      if (generated && matchesEnded(deps, { clientSecret, owner }, account, valid))
        refuse('secret_ended', 'wrong secret: it has ended or is too old')
      refuse('wrong_secret', generated ? 'wrong secret' : 'wrong secret, and not one that the server made')
    },
  }
}

/** The object is as small as before for the many accounts that have no end. */
function authenticated(loaded: LoadedRealm, account: AccountRecord, secretId: string): AuthenticatedClient {
  if (account.expiresAt === undefined) return { loaded, account, secretId }
  return { loaded, account, secretId, notAfter: endOfTokens(account) as number }
}

/** For the log: whether the secret was right once. */
function matchesEnded(
  deps: Deps,
  presented: Parameters<typeof matchGenerated>[1],
  { secrets }: AccountRecord,
  valid: readonly SecretRecord[],
): boolean {
  const ended = secrets.filter((secret) => !valid.includes(secret) && secret.boundHmac)
  return ended.length > 0 && matchGenerated(deps, presented, ended) !== undefined
}

const NONE: readonly SecretRecord[] = []

function validSecrets(account: AccountRecord | undefined, now: Date): readonly SecretRecord[] {
  return account?.secrets.filter((secret) => !secret.expiresAt || secret.expiresAt > now) ?? NONE
}

interface Guess {
  readonly loaded: LoadedRealm
  readonly owner: SecretOwner
  readonly clientSecret: string
  readonly address: string
  readonly valid: readonly SecretRecord[]
}

/** An imported secret could be guessed: limit attempts before any work. */
async function guess(
  deps: Deps,
  { loaded, owner, clientSecret, address, valid }: Guess,
): Promise<SecretRecord | undefined> {
  // Texts that cannot be a client_id share one counter.
  const clientId = isClientId(owner.clientId) ? owner.clientId : ''
  return deps.failedAttempts.guess({ ...owner, clientId, address }, async (known) => {
    // If every secret has a checksum, garbage costs nothing. Otherwise it costs the same for every client.
    if (!loaded.realm.importsSecrets) return undefined
    return matchGuess(deps, { clientSecret, owner, known }, valid)
  })
}

/** The record of an imported secret. Without one, the work is that of one. */
async function matchGuess(
  deps: Deps,
  presented: PresentedSecret,
  valid: readonly SecretRecord[],
): Promise<SecretRecord | undefined> {
  const imported = valid.filter(({ boundHmac, hmac }) => !boundHmac && !hmac)
  for (const record of imported) {
    const matches = hasForeignHash(record)
      ? await matchesForeign(deps, presented, record)
      : await matchesImported(deps, presented, record)
    if (matches) return record
  }
  if (imported.length === 0) await matchesImported(deps, presented, undefined)
  return undefined
}

function refuse(fault: AuthenticationFault, reason: string): never {
  throw new OAuthError('invalid_client', 'Client authentication failed.', reason, fault)
}
