import type { Actor } from '../domain/actor.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import { updateServiceAccount } from '../storage/service-accounts.ts'
import { changeAccount } from './account-changes.ts'
import type { Dependencies } from './dependencies.ts'
import { replaceStatusIndex } from './status-indexes.ts'

export interface TokenRevocationOperations {
  /**
   * Ends all tokens that an account has got so far; its secrets stay good for new ones.
   * @throws Refusal `forbidden`, `not_found`
   */
  revokeTokens(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount>
}

export function tokenRevocationOperations(
  deps: Pick<Dependencies, 'db' | 'clock'>,
): TokenRevocationOperations {
  return {
    async revokeTokens(actor, realmName, clientId) {
      const about = { actor, action: 'service-account.revoke-tokens', realmName, clientId }
      return changeAccount(deps, about, async (context) => {
        const changes = { statusIndex: await replaceStatusIndex(context) }
        return updateServiceAccount(context.trx, context.realm.id, clientId, changes, context.now)
      })
    },
  }
}
