import { newTokenId, signJwt } from '../crypto/signing.ts'
import { decideClaims, type TokenRequest } from '../domain/access-token.ts'
import type { AuthenticatedClient } from './client-authentication.ts'
import type { Dependencies } from './dependencies.ts'
import type { UseOperations } from './uses.ts'

export interface IssuedAccessToken {
  readonly value: string
  readonly expiresInSeconds: number
  readonly scope: string
}

export interface AccessTokenOperations {
  /** @throws OAuthError `invalid_scope`, `invalid_target` */
  issueAccessToken(
    client: AuthenticatedClient,
    request: TokenRequest,
    address: string,
  ): Promise<IssuedAccessToken>
}

export function accessTokenOperations(
  { clock }: Pick<Dependencies, 'clock'>,
  { noteUse }: Pick<UseOperations, 'noteUse'>,
): AccessTokenOperations {
  return {
    async issueAccessToken({ loaded, account, secretId }, request, address) {
      const { realm, issuer, audiences } = loaded
      const claims = decideClaims(account, { ...realm, issuer, audiences }, request, clock(), newTokenId())
      const value = await signJwt(claims, 'at+jwt', await loaded.signer())
      const { clientId } = account
      noteUse({ realmId: realm.id, clientId, secretId, address, scope: claims.scope })
      return { value, expiresInSeconds: realm.tokenLifetimeSeconds, scope: claims.scope }
    },
  }
}
