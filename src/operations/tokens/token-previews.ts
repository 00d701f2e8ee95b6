import { newTokenId } from '../../crypto/signing.ts'
import { type AccessTokenClaims, decideClaims } from '../../domain/access-token.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { requireRoomForRights, writeClaims } from '../../domain/token-size.ts'
import { unknownAccount } from '../accounts/account-changes.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { Dependencies } from '../dependencies.ts'

export interface TokenPreviewOperations {
  /**
   * What a token would say that the account asked for now, without asking for anything in particular.
   * @throws Refusal `forbidden`, `not_found`; `limit_reached` where it would be too long
   */
  previewAccessToken(actor: Actor, realmName: string, clientId: string): Promise<AccessTokenClaims>
}

export function tokenPreviewOperations(
  { clock, publicUrl }: Pick<Dependencies, 'clock' | 'publicUrl'>,
  { find }: Pick<FreshClients, 'find'>,
): TokenPreviewOperations {
  return {
    async previewAccessToken(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'view')
      const { loaded, account } = await find(realmName, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      const { realm, issuer, audiences } = loaded
      requireRoomForRights(publicUrl, realm, account)
      const request = { scope: undefined, targets: { resources: [], audience: undefined } }
      const claims = decideClaims(account, { ...realm, issuer, audiences }, request, clock(), newTokenId())
      return writeClaims(claims, false).claims
    },
  }
}
