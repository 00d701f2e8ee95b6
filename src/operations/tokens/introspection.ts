import { signJwt } from '../../crypto/signing.ts'
import { allowedScopes } from '../../domain/access-token.ts'
import { mayIntrospect } from '../../domain/introspection-audience.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { INTROSPECT } from '../../domain/role.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedToken, PresentedTokens } from './presented-tokens.ts'
import { tokenDetails } from './token-details.ts'

/** Whoever asks: known by its secret, or by a token, which has to carry the role too. */
export type IntrospectionCaller = Pick<PresentedToken, 'loaded' | 'account'> & {
  readonly claims?: PresentedToken['claims']
}

/** What is said of a token (RFC 7662 section 2.2): of one that is not good now, nothing but that. */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Record<string, unknown>)

export interface IntrospectionOutcome {
  readonly introspection: Introspection
  /** Why it is not active, for the log alone. */
  readonly reason: string | undefined
}

/** @throws OAuthError `insufficient_scope` */
export function requireIntrospector({ account, claims }: IntrospectionCaller): void {
  const carried = claims ? (claims['roles'] as readonly string[]) : account.roles
  if (!account.roles.includes(INTROSPECT) || !carried.includes(INTROSPECT))
    throw new OAuthError('insufficient_scope', `Requires the ${INTROSPECT} role.`)
}

export type IntrospectionOfTokens = ReturnType<typeof introspection>

export function introspection(
  { clock, db }: Pick<Dependencies, 'clock' | 'db'>,
  presentedTokens: Pick<PresentedTokens, 'verify'>,
) {
  return {
    /**
     * What a token of the caller's realm is good for at this moment: what it says, less what its client has lost since.
     * A token for an audience that is not the caller's is not active to it.
     * @param signed whether the answer will be signed
     * @throws whatever `caller` is rejected with
     * @throws OAuthError `insufficient_scope` for a caller without the role introspect; `temporarily_unavailable`
     */
    async introspect(
      realm: string,
      caller: Promise<IntrospectionCaller>,
      token: string,
      signed: boolean,
    ): Promise<IntrospectionOutcome> {
      const permitted = caller.then(requireIntrospector)
      // It may fail before anybody waits for it; whoever does is told.
      permitted.catch(() => {})
      try {
        const presented = await presentedTokens.verify(token, { realm, permitted })
        const { account: asker } = await caller
        requireOwnAudience(asker, presented, signed)
        const details = await tokenDetails(db, presented)
        return { introspection: describe(presented, details), reason: undefined }
      } catch (error) {
        // What is wrong with the caller comes before what is wrong with the token.
        await permitted
        if (!(error instanceof OAuthError) || error.code !== 'invalid_token') throw error
        return { introspection: { active: false }, reason: error.message }
      }
    },

    /** The same as a JWT for that caller (RFC 9701 section 5). */
    async sign({ loaded, account }: IntrospectionCaller, answer: Introspection): Promise<string> {
      const iat = Math.floor(clock().getTime() / 1000)
      const claims = { iss: loaded.issuer, aud: account.clientId, iat, token_introspection: answer }
      return signJwt(JSON.stringify(claims), 'token-introspection+jwt', await loaded.signer())
    },
  }
}

/** @throws OAuthError `invalid_token` */
function requireOwnAudience(
  asker: IntrospectionCaller['account'],
  { loaded, claims }: PresentedToken,
  signed: boolean,
): void {
  const { introspectionAudiences, audiences: ownAudiences } = loaded.realm
  const realm = { introspectionAudiences, ownAudiences, audiences: loaded.audiences }
  const audiences = [claims['aud'] as string | readonly string[]].flat()
  if (!mayIntrospect(asker, realm, audiences, signed))
    throw new OAuthError('invalid_token', 'The access token is not valid.', NOT_SERVED)
}

const NOT_SERVED =
  'the token is for an audience that the caller does not serve: see introspects_audiences of its account'

function describe(
  { loaded, account, claims }: PresentedToken,
  details: readonly unknown[],
): Introspection & { active: true } {
  const { status: _, authorization_details: _held, authorization_details_omitted: _omitted, ...rest } = claims
  const scopes = allowedScopes(account, loaded.realm)
  return {
    active: true,
    token_type: 'Bearer',
    ...rest,
    // Not in the answer where nothing is left of it.
    scope:
      ((claims['scope'] ?? '') as string)
        .split(' ')
        .filter((scope) => scopes.includes(scope))
        .join(' ') || undefined,
    roles: (claims['roles'] as readonly string[]).filter((role) => account.roles.includes(role)),
    ...(details.length > 0 && { authorization_details: details }),
  }
}
