import { LRUCache } from 'lru-cache'
import { fingerprint } from '../../crypto/fingerprint.ts'
import {
  importVerificationKey,
  readUnverifiedJwt,
  type UnverifiedJwt,
  verifyJwt,
} from '../../crypto/verifying.ts'
import { MAX_CLOCK_GAP_SECONDS } from '../../domain/clock.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { issuerOf } from '../../domain/realm.ts'
import { hasStatusIndex } from '../../domain/status-list.ts'
import { typeHeaderOf } from '../../domain/token-profile.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import { areTokensRevoked, type RevokedTokenLookup } from '../../storage/revoked-tokens.ts'
import { boundedCache } from '../bounded-cache.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { LoadedRealm, PublicSigningKey } from '../clients/realm-loading.ts'
import { shareReads } from '../clients/shared-reads.ts'
import type { Dependencies } from '../dependencies.ts'

/** Maximum of tokens per query. */
const MAX_BATCH = 256

/** No token of this server: perhaps one of the previous server, whose keys a realm may publish. */
export class NotOurTokenError extends OAuthError {}

/** A valid signature stays valid, so it is verified once. Nothing that can change is cached. */
interface VerifiedJwt extends UnverifiedJwt {
  readonly type: string
  readonly publicJwk: object
}

/** An access token of this server that is valid now. */
export interface PresentedToken {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord
  /** kid of the key that signed it. */
  readonly kid: string
  readonly claims: Readonly<Record<string, unknown>>
}

export interface PresentedTokenRules {
  /** Required audience; `undefined`: any. */
  readonly audience?: string
  /** Realm that must have issued it; `undefined`: any. */
  readonly realm?: string
  /** Resolves once the caller is authorized. Before that only the rows are read, together with the caller's own. */
  readonly permitted?: Promise<unknown>
}

export type PresentedTokens = ReturnType<typeof presentedTokens>

export function presentedTokens(
  { db, clock, publicUrl, cacheSizes }: Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'cacheSizes'>,
  freshClients: Pick<FreshClients, 'find'>,
) {
  const keys = boundedCache<ReturnType<typeof importVerificationKey>, object>(cacheSizes.verificationKeys)
  const verified = new LRUCache<string, VerifiedJwt>({ maxSize: cacheSizes.verifiedTokenBytes })
  const issuerPrefix = issuerOf(publicUrl, '')
  const revoked = shareReads<RevokedTokenLookup, boolean>(
    (lookups) => areTokensRevoked(db, lookups),
    MAX_BATCH,
  )

  function keyOf(publicJwk: object, algorithm: string) {
    const known = keys.get(publicJwk) ?? importVerificationKey(publicJwk, algorithm)
    keys.set(publicJwk, known)
    return known
  }

  async function verify(
    token: string,
    { publicJwk, algorithm }: PublicSigningKey,
    { issuer, realm }: LoadedRealm,
    now: Date,
  ) {
    const rules = { algorithm, type: typeHeaderOf(realm), issuer, now }
    const key = await keyOf(publicJwk, algorithm)
    return verifyJwt(token, key, rules).catch((error: Error) => refuse(error.message))
  }

  return {
    /**
     * Validates a token completely: signature, type, issuer, audience, times, and the client's current row.
     * @throws OAuthError `invalid_token`, with the reason for the log; `temporarily_unavailable`
     */
    async verify(
      token: string,
      { audience, realm, permitted }: PresentedTokenRules = {},
    ): Promise<PresentedToken> {
      const print = fingerprint(token)
      const known = verified.get(print)
      const { kid, claims: said } = known ?? readUnverifiedJwt(token) ?? refuse('not a JWT')
      const { iss, client_id: clientId } = said
      if (typeof iss !== 'string' || !iss.startsWith(issuerPrefix)) refuseForeign('another issuer')
      if (typeof clientId !== 'string') refuseForeign('no client_id')
      const issuingRealm = iss.slice(issuerPrefix.length)
      if (realm !== undefined && issuingRealm !== realm) refuse('a token of another realm')
      const { loaded, account: found } = await freshClients.find(issuingRealm, clientId).catch(asRefusal)
      await permitted

      const now = clock()
      const key = loaded.keys.find((one) => one.kid === kid)
      if (!key) refuseForeign('no such key')
      const type = typeHeaderOf(loaded.realm)
      const isKnown = known?.publicJwk === key.publicJwk && known.type === type
      const claims = isKnown ? said : await verify(token, key, loaded, now)
      if (claims !== said)
        verified.set(print, { kid, claims, type, publicJwk: key.publicJwk }, { size: token.length })

      if ((claims.exp as number) * 1000 <= now.getTime()) refuse('exp has passed')
      // Another node's clock may be ahead of this one.
      if ((claims.iat as number) * 1000 > now.getTime() + MAX_CLOCK_GAP_SECONDS * 1000)
        refuse('issued in the future')
      const account = requireLive(found, now)
      if (!hasStatusIndex(claims['status'], loaded.issuer, account.statusIndex))
        refuse('tokens of the client were revoked')
      // Few accounts have revoked single tokens, so this query is rare.
      if (account.revokedTokensUntil && account.revokedTokensUntil > now) {
        const lookup = { realmId: loaded.realm.id, jti: claims.jti as string }
        if (await revoked.load(lookup).catch(throwUnavailable)) refuse('the token was revoked')
      }
      requireAudience([claims.aud ?? []].flat(), audience)
      return { loaded, account, kid: key.kid, claims }
    },
  }
}

/** The account of a token, which may get others. */
export function requireLive(account: AccountRecord | undefined, now: Date): AccountRecord {
  if (!account) refuse('the client is gone')
  if (account.disabledAt) refuse('the client is disabled')
  if (account.expiresAt && account.expiresAt <= now) refuse('the client has ended')
  return account
}

/** Comes last: only the holder of a token that is good elsewhere is told what to ask for. */
function requireAudience(said: readonly unknown[], audience: string | undefined): void {
  if (audience === undefined || said.includes(audience)) return
  // RFC 6750 section 3: characters that a description may have.
  const others = said.filter((one) => /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(String(one)))
  throw new OAuthError(
    'invalid_token',
    `The token is for ${others.join(' ') || 'another audience'}. Ask for one with resource=${audience}.`,
    'aud is another',
  )
}

function asRefusal(error: unknown): never {
  if (error instanceof UnknownRealmError) refuse('the realm is gone')
  throw error
}

const NOT_VALID = 'The access token is not valid.'

function refuse(reason: string): never {
  throw new OAuthError('invalid_token', NOT_VALID, reason)
}

function refuseForeign(reason: string): never {
  throw new NotOurTokenError('invalid_token', NOT_VALID, reason)
}
