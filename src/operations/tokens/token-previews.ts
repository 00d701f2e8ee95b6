import { newTokenId } from '../../crypto/signing.ts'
import { type AccessTokenClaims, decideClaims } from '../../domain/access-token.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { CustomClaim, LeftOutClaim, Metadata } from '../../domain/custom-claim.ts'
import { checkAccountClaims, checkCustomClaims } from '../../domain/custom-claim-check.ts'
import { EXAMPLE_ADDRESS, EXAMPLE_SUBJECT, impossibleClaims } from '../../domain/impossible-claims.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { Refusal, unknownRealm } from '../../domain/refusal.ts'
import { MAX_CLAIMS_BYTES, requireRoomForRights, writeClaims } from '../../domain/token-size.ts'
import { unknownAccount } from '../accounts/account-changes.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { Dependencies } from '../dependencies.ts'
import { tokenRealmOf } from './access-tokens.ts'

/** Settings to look at before they are saved; absent ones are as they are. */
export interface ClaimsDraft {
  readonly claims?: readonly CustomClaim[] | undefined
  readonly metadata?: Metadata | undefined
  readonly realmClaims?: readonly CustomClaim[] | undefined
}

export interface TokenPreview {
  readonly claims: AccessTokenClaims
  /** Custom claims that the token is without. */
  readonly leftOut: readonly LeftOutClaim[]
}

type Deps = Pick<Dependencies, 'clock' | 'publicUrl' | 'refusals'>

export type TokenPreviews = ReturnType<typeof tokenPreviews>

export function tokenPreviews(
  { clock, publicUrl, refusals }: Deps,
  freshClients: Pick<FreshClients, 'find'>,
) {
  async function look(
    actor: Actor,
    realmName: string,
    clientId: string | undefined,
    draft: ClaimsDraft,
  ): Promise<TokenPreview> {
    requireAuthority(actor, realmName, 'view')
    checkAccountClaims(draft)
    if (draft.realmClaims !== undefined) checkCustomClaims(draft.realmClaims)
    const { loaded, account = clientId === undefined ? EXAMPLE_SUBJECT : undefined } = await freshClients
      .find(realmName, clientId)
      .catch((error: unknown) => {
        throw error instanceof UnknownRealmError ? unknownRealm(realmName) : error
      })
    if (!account) throw unknownAccount(realmName, clientId as string)
    const { claims = account.claims, metadata = account.metadata } = draft
    const subject = { ...account, claims, metadata }
    const { address = EXAMPLE_ADDRESS } = actor
    const stamp = { now: clock(), jti: newTokenId(), address }
    const current = tokenRealmOf(loaded, undefined, stamp.now)
    const realm = { ...current, claims: draft.realmClaims ?? current.claims }
    requireRoomForRights(publicUrl, { ...loaded.realm, claims: [] }, { ...subject, claims: undefined })
    const decided = decideClaims(subject, realm, EVERYTHING, stamp)
    return {
      claims: inLimits(() => writeClaims(decided, false).claims),
      leftOut: impossibleClaims(subject, realm, address),
    }
  }

  return {
    /**
     * Claims of a token that the account would get now, for a request without parameters.
     * @throws Refusal `forbidden`, `not_found`; `limit_reached` where the token would be too large
     */
    preview(actor: Actor, realm: string, clientId: string): Promise<AccessTokenClaims> {
      return refusals.ofRead({ actor, action: ACTION, realm, target: clientId }, async () => {
        const { claims } = await look(actor, realm, clientId, {})
        return claims
      })
    },

    /**
     * The same with custom claims that are not saved, and with those that the token is without.
     * @param clientId `undefined`: an account that is made up
     * @throws Refusal also `invalid`
     */
    previewDraft(
      actor: Actor,
      realm: string,
      clientId: string | undefined,
      draft: ClaimsDraft = {},
    ): Promise<TokenPreview> {
      return refusals.ofRead({ actor, action: ACTION, realm, target: clientId }, () =>
        look(actor, realm, clientId, draft),
      )
    },
  }
}

const ACTION = 'service-account.preview-token'

const EVERYTHING = { scope: undefined, targets: { resources: [], audience: undefined } }

/** @throws Refusal `limit_reached` */
function inLimits<T>(write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    const detail = `The claims of its tokens would take more than ${MAX_CLAIMS_BYTES} bytes: give fewer or shorter claims.`
    throw new Refusal('limit_reached', detail, 'claims', MAX_CLAIMS_BYTES)
  }
}
