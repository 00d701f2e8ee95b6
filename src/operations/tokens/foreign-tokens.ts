import { importVerificationKey, readUnverifiedJwt, verifyForeignJwt } from '../../crypto/verifying.ts'
import { MAX_CLOCK_GAP_SECONDS } from '../../domain/clock.ts'
import { type ForeignClaims, type ForeignKey, readForeignClaims } from '../../domain/foreign-key.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import { findForeignTokenEnd } from '../../storage/foreign-keys.ts'
import { areTokensRevoked } from '../../storage/revoked-tokens.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import {
  NotOurTokenError,
  type PresentedToken,
  type PresentedTokens,
  requireLive,
} from './presented-tokens.ts'

export type ForeignTokens = ReturnType<typeof foreignTokens>

/** Tokens of the server that a realm was moved from. They are told of, and never accepted: no API of this server takes them. */
export function foreignTokens(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  freshClients: Pick<FreshClients, 'find'>,
  presentedTokens: Pick<PresentedTokens, 'verify'>,
) {
  async function requireUnrevoked(
    realmId: string,
    { clientId, revokedTokensUntil }: AccountRecord,
    { iat, claims }: ForeignClaims,
  ): Promise<void> {
    const ended = await findForeignTokenEnd(db, realmId, clientId).catch(throwUnavailable)
    if (ended && iat * 1000 <= ended.getTime()) refuse('tokens of the client were revoked')
    const { jti } = claims
    if (typeof jti !== 'string' || !revokedTokensUntil || revokedTokensUntil <= clock()) return
    const [isRevoked] = await areTokensRevoked(db, [{ realmId, jti }]).catch(throwUnavailable)
    if (isRevoked) refuse('the token was revoked')
  }

  async function verify(token: string, realm: string, permitted?: Promise<unknown>): Promise<PresentedToken> {
    const { kid, type, claims: said } = readUnverifiedJwt(token) ?? refuse('not a JWT')
    const read = readForeignClaims(type, said) ?? refuse('no access token of the previous server')
    const { loaded, account: found } = await freshClients.find(realm, read.clientId)
    await permitted
    const now = clock()
    const key = loaded.foreignKeys.find((one) => one.kid === kid && one.endsAt > now) ?? refuse('no such key')
    if (said.iss !== key.issuer) refuse('another issuer')
    await verifySignature(token, key)
    requireTime(read, now)
    const account = requireLive(found, now)
    await requireUnrevoked(loaded.realm.id, account, read)
    // No longer than its key: what is remembered of it ends then.
    const exp = Math.min(read.exp, Math.floor(key.endsAt.getTime() / 1000))
    return { loaded, account, kid: key.kid, claims: { ...read.claims, exp } }
  }

  return {
    /**
     * Validates a token of this realm, or of the previous server where the realm has keys of that.
     * @throws OAuthError `invalid_token`, with the reason for the log; `temporarily_unavailable`
     */
    async verifyAny(
      token: string,
      { realm, permitted }: { readonly realm: string; readonly permitted?: Promise<unknown> },
    ): Promise<PresentedToken> {
      try {
        return await presentedTokens.verify(token, { realm, ...(permitted && { permitted }) })
      } catch (error) {
        if (!(error instanceof NotOurTokenError)) throw error
        return verify(token, realm, permitted)
      }
    },
  }
}

async function verifySignature(token: string, { publicJwk, algorithm }: ForeignKey): Promise<void> {
  const key = await importVerificationKey(publicJwk, algorithm)
  await verifyForeignJwt(token, key, algorithm).catch((error: Error) => refuse(error.message))
}

function requireTime({ exp, iat, claims }: ForeignClaims, now: Date): void {
  const seconds = now.getTime() / 1000
  if (exp <= seconds) refuse('exp has passed')
  if (iat > seconds + MAX_CLOCK_GAP_SECONDS) refuse('issued in the future')
  if (((claims['nbf'] as number | undefined) ?? 0) > seconds + MAX_CLOCK_GAP_SECONDS) refuse('not valid yet')
}

function refuse(reason: string): never {
  throw new OAuthError('invalid_token', 'The access token is not valid.', reason)
}
