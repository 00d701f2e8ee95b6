import { newTokenId, signJwt } from '../../crypto/signing.ts'
import {
  type AccessTokenClaims,
  decideClaims,
  type TokenRealm,
  type TokenRequest,
} from '../../domain/access-token.ts'
import type { AskedDetail } from '../../domain/authorization-details.ts'
import { MIN_TOKEN_LIFETIME_SECONDS, type Realm } from '../../domain/realm.ts'
import { typeHeaderOf } from '../../domain/token-profile.ts'
import { writeClaims } from '../../domain/token-size.ts'
import { listAuthorizationDetails } from '../../storage/authorization-details.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import type { Database } from '../../storage/database.ts'
import type { AuthenticatedClient } from '../clients/authenticated-client.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { LoadedRealm } from '../clients/realm-loading.ts'
import type { Dependencies } from '../dependencies.ts'
import { NO_QUOTA, type Quotas, type QuotaVerdict } from './quotas.ts'
import type { Shadow } from './shadow.ts'
import type { TokenCounts } from './token-counts.ts'
import type { Uses } from './uses.ts'

export interface IssuedAccessToken {
  /** Empty in shadow mode. */
  readonly value: string
  /** The realm gives no tokens: the client has to get none. */
  readonly isShadow: boolean
  readonly expiresInSeconds: number
  /** Claims of the token, some of which the response repeats (RFC 6749 section 5.1, RFC 9396 section 7). */
  readonly claims: AccessTokenClaims
  readonly quota: QuotaVerdict
}

interface Counters {
  readonly uses: Pick<Uses, 'note'>
  readonly shadow: Pick<Shadow, 'noteIssued'>
  readonly tokenCounts: Pick<TokenCounts, 'noteIssued'>
  readonly quotas: Pick<Quotas, 'take'>
}

export type AccessTokens = ReturnType<typeof accessTokens>

export function accessTokens(
  { clock, db }: Pick<Dependencies, 'clock' | 'db'>,
  { uses, shadow, tokenCounts, quotas }: Counters,
) {
  return {
    /** @throws OAuthError `invalid_scope`, `invalid_target`, `invalid_authorization_details`; QuotaExceededError */
    async issue(
      { loaded, account, secretId, notAfter }: AuthenticatedClient,
      request: TokenRequest,
      address: string,
      userAgent = '',
    ): Promise<IssuedAccessToken> {
      const { realm } = loaded
      const asked = account.detailsOmitted ? request.details : undefined
      const subject = asked ? await withAsked(db, realm.id, account, asked) : account
      const stamp = { now: clock(), jti: newTokenId(), address }
      const tokenRealm = tokenRealmOf(loaded, notAfter, stamp.now)
      const { claims, json } = writeClaims(
        decideClaims(subject, tokenRealm, request, stamp),
        request.details !== undefined,
      )
      const quota = realm.shadowMode ? NO_QUOTA : quotas.take({ realm, account })
      const signer = loaded.signer()
      const signed = signJwt(json, typeHeaderOf(realm), signer instanceof Promise ? await signer : signer)
      const value = signed instanceof Promise ? await signed : signed
      const { clientId } = account
      const expiresInSeconds = tokenRealm.tokenLifetimeSeconds
      if (realm.shadowMode) {
        shadow.noteIssued(realm.id, clientId)
        return { value: '', isShadow: true, expiresInSeconds, claims, quota }
      }
      tokenCounts.noteIssued(realm.id, clientId, address, userAgent)
      uses.note({ realmId: realm.id, clientId, secretId, address, scope: claims.scope ?? '' })
      return { value, isShadow: false, expiresInSeconds, claims, quota }
    },
  }
}

export function tokenRealmOf(
  { realm, issuer, audiences }: LoadedRealm,
  notAfter: number | undefined,
  now: Date,
): TokenRealm {
  const { name, scopes, resourceTypes, claims, tokenProfile: profile, audiences: ownAudiences } = realm
  const tokenLifetimeSeconds = lifetimeOf(realm, notAfter, now)
  return {
    name,
    issuer,
    audiences,
    ownAudiences,
    scopes,
    resourceTypes,
    claims,
    profile,
    tokenLifetimeSeconds,
  }
}

/** No longer than its platform vouches for the client, but long enough to be of use. */
function lifetimeOf({ tokenLifetimeSeconds }: Realm, notAfter: number | undefined, now: Date): number {
  if (notAfter === undefined) return tokenLifetimeSeconds
  const left = Math.floor(notAfter) - Math.floor(now.getTime() / 1000)
  return Math.min(tokenLifetimeSeconds, Math.max(MIN_TOKEN_LIFETIME_SECONDS, left))
}

/** The account has too many grants to store with it: read the requested ones. */
async function withAsked(
  db: Database,
  realmId: string,
  account: AccountRecord,
  asked: readonly AskedDetail[],
): Promise<AccountRecord> {
  const details = await listAuthorizationDetails(db, realmId, account.clientId, asked).catch(throwUnavailable)
  return { ...account, details }
}
