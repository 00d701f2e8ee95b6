import { newTokenId, signJwt } from '../../crypto/signing.ts'
import { type AccessTokenClaims, decideClaims, type TokenRequest } from '../../domain/access-token.ts'
import type { AskedDetail } from '../../domain/authorization-details.ts'
import { writeClaims } from '../../domain/token-size.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import type { Database } from '../../storage/database.ts'
import { listAuthorizationDetails } from '../../storage/grants.ts'
import type { AuthenticatedClient } from '../clients/client-authentication.ts'
import { sayUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { UseOperations } from './uses.ts'

export interface IssuedAccessToken {
  readonly value: string
  readonly expiresInSeconds: number
  /** What it says, which the answer repeats in part (RFC 6749 section 5.1, RFC 9396 section 7). */
  readonly claims: AccessTokenClaims
}

export interface AccessTokenOperations {
  /** @throws OAuthError `invalid_scope`, `invalid_target`, `invalid_authorization_details` */
  issueAccessToken(
    client: AuthenticatedClient,
    request: TokenRequest,
    address: string,
  ): Promise<IssuedAccessToken>
}

export function accessTokenOperations(
  { clock, db }: Pick<Dependencies, 'clock' | 'db'>,
  { noteUse }: Pick<UseOperations, 'noteUse'>,
): AccessTokenOperations {
  return {
    async issueAccessToken({ loaded, account, secretId }, request, address) {
      const { realm, issuer, audiences } = loaded
      const asked = account.detailsOmitted ? request.details : undefined
      const subject = asked ? await withAsked(db, realm.id, account, asked) : account
      const { claims, json } = writeClaims(
        decideClaims(subject, { ...realm, issuer, audiences }, request, clock(), newTokenId()),
        request.details !== undefined,
      )
      const value = await signJwt(json, realm.tokenTypeHeader, await loaded.signer())
      const { clientId } = account
      noteUse({ realmId: realm.id, clientId, secretId, address, scope: claims.scope ?? '' })
      return { value, expiresInSeconds: realm.tokenLifetimeSeconds, claims }
    },
  }
}

/** Grants that are too many to be kept with the account: those that are asked for are read themselves. */
async function withAsked(
  db: Database,
  realmId: string,
  account: AccountRecord,
  asked: readonly AskedDetail[],
): Promise<AccountRecord> {
  const details = await listAuthorizationDetails(db, realmId, account.clientId, asked).catch(sayUnavailable)
  return { ...account, details }
}
