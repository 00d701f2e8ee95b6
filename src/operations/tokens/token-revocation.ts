import type { Actor } from '../../domain/actor.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { inTransaction } from '../../storage/database.ts'
import { insertRevokedToken } from '../../storage/revoked-tokens.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import { changeAccount } from '../accounts/account-changes.ts'
import { replaceStatusIndex } from '../accounts/status-indexes.ts'
import type { AuthenticatedClient } from '../clients/client-authentication.ts'
import { sayUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedToken, PresentedTokenOperations } from './presented-tokens.ts'

export interface AccountTokenOperations {
  /**
   * Ends all tokens that an account has got so far; its secrets stay good for new ones.
   * @throws Refusal `forbidden`, `not_found`
   */
  revokeTokens(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount>
}

export interface TokenRevocationOperations {
  /**
   * Ends one token of the client that asks (RFC 7009). Anything else is left alone, and that is no error.
   * @returns why nothing was done, for the log alone
   * @throws OAuthError `temporarily_unavailable`
   */
  revokeToken(
    client: Pick<AuthenticatedClient, 'loaded' | 'account'>,
    token: string,
  ): Promise<string | undefined>
}

type Deps = Pick<Dependencies, 'db' | 'clock'>

export function accountTokenOperations(deps: Deps): AccountTokenOperations {
  return {
    async revokeTokens(actor, realmName, clientId) {
      const about = { actor, action: 'service-account.revoke-tokens', realmName, clientId } as const
      return changeAccount(deps, about, async (context) => {
        const changes = { statusIndex: await replaceStatusIndex(context) }
        return updateServiceAccount(context.trx, context.realm.id, clientId, changes, context.now)
      })
    },
  }
}

export function tokenRevocationOperations(
  { db }: Pick<Deps, 'db'>,
  { verifyPresentedToken }: Pick<PresentedTokenOperations, 'verifyPresentedToken'>,
): TokenRevocationOperations {
  return {
    async revokeToken({ loaded, account }, token) {
      let presented: PresentedToken
      try {
        presented = await verifyPresentedToken(token, { realm: loaded.realm.name })
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'invalid_token') return error.message
        throw error
      }
      const { clientId } = account
      if (presented.account.clientId !== clientId) return "another client's token"
      const { jti, exp } = presented.claims as { jti: string; exp: number }
      const revoked = { realmId: loaded.realm.id, clientId, jti, expiresAt: new Date(exp * 1000) }
      await inTransaction(db, (trx) => insertRevokedToken(trx, revoked)).catch(sayUnavailable)
      return undefined
    },
  }
}
