import DataLoader from 'dataloader'
import { importVerificationKey, readUnverifiedJwt, verifyJwt } from '../crypto/verifying.ts'
import { OAuthError, UnknownRealmError } from '../domain/oauth-error.ts'
import { issuerOf } from '../domain/realm.ts'
import { hasStatusIndex } from '../domain/status-list.ts'
import type { AccountRecord } from '../storage/client-records.ts'
import { areTokensRevoked, type RevokedTokenLookup } from '../storage/revoked-tokens.ts'
import type { Dependencies } from './dependencies.ts'
import type { FreshClients } from './fresh-clients.ts'
import { type LoadedRealm, sayUnavailable } from './loaded-realms.ts'

/** Another node's clock may be ahead of this one's. */
const MAX_CLOCK_SKEW_MILLISECONDS = 60_000

/** An access token of ours that is good at this moment. */
export interface PresentedToken {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord
  readonly claims: Readonly<Record<string, unknown>>
}

export interface PresentedTokenRules {
  /** What the token must be for; `undefined`: anything. */
  readonly audience?: string
  /** The only realm whose tokens count; `undefined`: any. */
  readonly realm?: string
}

export interface PresentedTokenOperations {
  /**
   * Checks a token whole and afresh: signature, type, issuer, audience, times, and the client's row as it is now.
   * @throws OAuthError `invalid_token`, with the reason for the log; `temporarily_unavailable`
   */
  verifyPresentedToken(token: string, rules?: PresentedTokenRules): Promise<PresentedToken>
}

export function presentedTokenOperations(
  { db, clock, publicUrl }: Pick<Dependencies, 'db' | 'clock' | 'publicUrl'>,
  { find }: Pick<FreshClients, 'find'>,
): PresentedTokenOperations {
  const keys = new WeakMap<object, ReturnType<typeof importVerificationKey>>()
  const issuerPrefix = issuerOf(publicUrl, '')
  const revoked = new DataLoader<RevokedTokenLookup, boolean>((lookups) => areTokensRevoked(db, lookups), {
    cache: false,
    maxBatchSize: 256,
  })

  function keyOf(publicJwk: object, algorithm: string) {
    const known = keys.get(publicJwk) ?? importVerificationKey(publicJwk, algorithm)
    keys.set(publicJwk, known)
    return known
  }

  return {
    async verifyPresentedToken(token, { audience, realm } = {}) {
      const { kid, iss, client_id: clientId } = readUnverified(token)
      if (typeof iss !== 'string' || !iss.startsWith(issuerPrefix)) refuse('another issuer')
      if (typeof clientId !== 'string') refuse('no client_id')
      const issuingRealm = iss.slice(issuerPrefix.length)
      if (realm !== undefined && issuingRealm !== realm) refuse('a token of another realm')
      const { loaded, account } = await find(issuingRealm, clientId).catch(asRefusal)

      const now = clock()
      const key = loaded.keys.find((one) => one.kid === kid)
      if (!key) refuse('no such key')
      const rules = {
        algorithm: key.algorithm,
        type: 'at+jwt',
        issuer: loaded.issuer,
        audience,
        now,
      }
      const verificationKey = await keyOf(key.publicJwk, key.algorithm)
      const claims = await verifyJwt(token, verificationKey, rules).catch((error: Error) =>
        refuse(error.message),
      )

      if ((claims.iat as number) * 1000 > now.getTime() + MAX_CLOCK_SKEW_MILLISECONDS)
        refuse('issued in the future')
      if (!account) refuse('the client is gone')
      if (account.disabledAt) refuse('the client is disabled')
      if (!hasStatusIndex(claims['status'], loaded.issuer, account.statusIndex))
        refuse('tokens of the client were revoked')
      // Few accounts have any such token, so hardly anybody looks.
      if (account.revokedTokensUntil && account.revokedTokensUntil > now) {
        const lookup = { realmId: loaded.realm.id, jti: claims.jti as string }
        if (await revoked.load(lookup).catch(sayUnavailable)) refuse('the token was revoked')
      }
      return { loaded, account, claims }
    },
  }
}

function readUnverified(token: string): Record<string, unknown> {
  const unverified = readUnverifiedJwt(token)
  if (!unverified) refuse('not a JWT')
  return { ...unverified.claims, kid: unverified.kid }
}

function asRefusal(error: unknown): never {
  if (error instanceof UnknownRealmError) refuse('the realm is gone')
  throw error
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_token', 'The access token is not valid.', reason)
}
