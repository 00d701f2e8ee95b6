import type { Actor } from '../../domain/actor.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { lockActors } from '../../storage/actor-credentials.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { type Database, inTransaction } from '../../storage/database.ts'
import { keepRealmByName } from '../../storage/realms.ts'
import { insertRevokedToken } from '../../storage/revoked-tokens.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import { changeAccount } from '../accounts/account-changes.ts'
import { replaceStatusIndex } from '../accounts/status-indexes.ts'
import type { AuthenticatedClient } from '../clients/client-authentication.ts'
import { sayUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedToken, PresentedTokenOperations } from './presented-tokens.ts'
import { createRevocationLimit } from './revocation-limit.ts'

export interface AccountTokenOperations {
  /**
   * Ends all tokens that an account has got so far; its secrets stay good for new ones.
   * @throws Refusal `forbidden`, `not_found`
   */
  revokeTokens(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount>
}

export interface TokenRevocationOperations {
  /**
   * Ends one token of the client that asks (RFC 7009), with a line in the audit trail. What is no token that is good now is
   * left alone, and that is no error.
   * @returns why nothing was done, for the log alone
   * @throws OAuthError `unauthorized_client` for a token of another client; `temporarily_unavailable`
   * @throws TooManyFailuresError for more than 600 of one client in a minute
   */
  revokeToken(
    client: Pick<AuthenticatedClient, 'loaded' | 'account'>,
    token: string,
    address: string,
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
  { db, clock }: Deps,
  { verifyPresentedToken }: Pick<PresentedTokenOperations, 'verifyPresentedToken'>,
): TokenRevocationOperations {
  const count = createRevocationLimit(clock)

  return {
    async revokeToken({ loaded, account }, token, address) {
      const { realm } = loaded
      const { clientId } = account
      let presented: PresentedToken
      try {
        presented = await verifyPresentedToken(token, { realm: realm.name })
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'invalid_token') return error.message
        throw error
      }
      // RFC 7009 section 2.1: the client is told.
      if (presented.account.clientId !== clientId)
        throw new OAuthError('unauthorized_client', 'The token was not issued to this client.')
      count(realm.id, clientId)
      await revoke(db, { realm, clientId, claims: presented.claims, address, now: clock() }).catch(
        sayUnavailable,
      )
      return undefined
    },
  }
}

interface Revocation {
  readonly realm: Pick<Realm, 'id' | 'name'>
  readonly clientId: string
  readonly claims: PresentedToken['claims']
  readonly address: string
  readonly now: Date
}

async function revoke(db: Database, { realm, clientId, claims, address, now }: Revocation): Promise<void> {
  const { jti, exp } = claims as { jti: string; exp: number }
  await inTransaction(db, async (trx) => {
    await lockActors(trx, undefined, `${realm.name}/${clientId}`)
    // The realm before the account, as all changes lock them; of a realm that is gone all tokens are dead.
    if ((await keepRealmByName(trx, realm.name))?.id !== realm.id) return
    const revoked = { realmId: realm.id, clientId, jti, expiresAt: new Date(exp * 1000) }
    if (!(await insertRevokedToken(trx, revoked))) return
    const actor = { kind: 'api', id: `${realm.name}/${clientId}`, address } as const
    const event = {
      actor,
      action: 'token.revoke',
      target: clientId,
      outcome: 'done',
      details: { jti },
    } as const
    await insertAuditEvent(trx, realm, event, now)
  })
}
