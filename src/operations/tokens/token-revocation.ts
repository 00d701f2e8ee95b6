import { done } from '../../domain/audit-event.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Realm } from '../../domain/realm.ts'
import { lockActors } from '../../storage/actor-credentials.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { type Database, inTransaction } from '../../storage/database.ts'
import { shareRealmByName } from '../../storage/realms.ts'
import { insertRevokedToken } from '../../storage/revoked-tokens.ts'
import type { AuthenticatedClient } from '../clients/authenticated-client.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { ForeignTokens } from './foreign-tokens.ts'
import type { PresentedToken } from './presented-tokens.ts'
import { createRevocationLimit } from './revocation-limit.ts'

export type TokenRevocation = ReturnType<typeof tokenRevocation>

export function tokenRevocation(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  tokens: Pick<ForeignTokens, 'verifyAny'>,
) {
  const count = createRevocationLimit(clock)
  return {
    /**
     * Revokes one token of the calling client (RFC 7009) and records it in the audit trail. Ignores anything that is not a
     * valid token.
     * @returns why nothing was revoked; for the log only
     * @throws OAuthError `unauthorized_client` for a token of another client; `temporarily_unavailable`
     * @throws TooManyFailuresError beyond 600 a minute for one client
     */
    async revoke(
      { loaded, account }: Pick<AuthenticatedClient, 'loaded' | 'account'>,
      token: string,
      address: string,
    ): Promise<string | undefined> {
      const { realm } = loaded
      const { clientId } = account
      let presented: PresentedToken
      try {
        presented = await tokens.verifyAny(token, { realm: realm.name })
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'invalid_token') return error.message
        throw error
      }
      // RFC 7009 section 2.1: tell the client.
      if (presented.account.clientId !== clientId)
        throw new OAuthError('unauthorized_client', 'The token was not issued to this client.')
      // A token of another server may have no jti.
      if (typeof presented.claims['jti'] !== 'string') return 'the token has no jti'
      count(realm.id, clientId)
      await revoke(db, { realm, clientId, claims: presented.claims, address, now: clock() }).catch(
        throwUnavailable,
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
    // Locks the realm before the account, as every change does. Tokens of a deleted realm are dead already.
    if ((await shareRealmByName(trx, realm.name))?.id !== realm.id) return
    const revoked = { realmId: realm.id, clientId, jti, expiresAt: new Date(exp * 1000) }
    if (!(await insertRevokedToken(trx, revoked))) return
    const actor = { kind: 'api', id: `${realm.name}/${clientId}`, address } as const
    await insertAuditEvent(trx, realm, done(actor, 'token.revoke', clientId, { jti }), now)
  })
}
