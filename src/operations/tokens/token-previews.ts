import { newTokenId } from '../../crypto/signing.ts'
import { type AccessTokenClaims, decideClaims } from '../../domain/access-token.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { unknownAccount } from '../accounts/account-changes.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { Dependencies } from '../dependencies.ts'

export interface TokenPreviewOperations {
  /** What a token would say that the account asked for now, without asking for anything in particular. */
  previewAccessToken(actor: Actor, realmName: string, clientId: string): Promise<AccessTokenClaims>
}

export function tokenPreviewOperations(
  { clock }: Pick<Dependencies, 'clock'>,
  { find }: Pick<FreshClients, 'find'>,
): TokenPreviewOperations {
  return {
    async previewAccessToken(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'view')
      const { loaded, account } = await find(realmName, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      const { realm, issuer, audiences } = loaded
      const request = { scope: undefined, targets: { resources: [], audience: undefined } }
      return decideClaims(account, { ...realm, issuer, audiences }, request, clock(), newTokenId())
    },
  }
}
