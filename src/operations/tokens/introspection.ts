import { signJwt } from '../../crypto/signing.ts'
import { allowedScopes } from '../../domain/access-token.ts'
import { narrowCustomClaims } from '../../domain/custom-claim.ts'
import { mayIntrospect } from '../../domain/introspection-audience.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { INTROSPECT } from '../../domain/role.ts'
import { carriedRoles, keycloakRoles, NO_ROLES } from '../../domain/token-profile.ts'
import type { Dependencies } from '../dependencies.ts'
import type { ForeignTokens } from './foreign-tokens.ts'
import type { PresentedToken } from './presented-tokens.ts'
import { tokenDetails } from './token-details.ts'

/** The caller, authenticated as a client or by a token. A token must carry the role, too. */
export type IntrospectionCaller = Pick<PresentedToken, 'loaded' | 'account'> & {
  readonly claims?: PresentedToken['claims']
}

/** Introspection response (RFC 7662 section 2.2); only `active: false` for a token that is not valid now. */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Record<string, unknown>)

export interface IntrospectionOutcome {
  readonly introspection: Introspection
  /** Why it is not active; for the log only. */
  readonly reason: string | undefined
}

/** @throws OAuthError `insufficient_scope` */
export function requireIntrospector({ account, claims }: IntrospectionCaller): void {
  const carried = claims ? carriedRoles(claims) : account.roles
  if (!account.roles.includes(INTROSPECT) || !carried.includes(INTROSPECT))
    throw new OAuthError('insufficient_scope', `Requires the ${INTROSPECT} role.`)
}

export type IntrospectionOfTokens = ReturnType<typeof introspection>

export function introspection(
  { clock, db }: Pick<Dependencies, 'clock' | 'db'>,
  tokens: Pick<ForeignTokens, 'verifyAny'>,
) {
  return {
    /**
     * What a token of the caller's realm allows now: its claims, minus what its client has lost since.
     * A token for an audience that the caller does not serve is inactive.
     * @param signed whether the answer will be a JWT
     * @throws whatever `caller` rejects with
     * @throws OAuthError `insufficient_scope` if the caller lacks the role introspect; `temporarily_unavailable`
     */
    async introspect(
      realm: string,
      caller: Promise<IntrospectionCaller>,
      token: string,
      signed: boolean,
    ): Promise<IntrospectionOutcome> {
      const permitted = caller.then(requireIntrospector)
      // Handles an early rejection; the caller that awaits it still gets the error.
      permitted.catch(() => {})
      try {
        const presented = await tokens.verifyAny(token, { realm, permitted })
        const { account: asker } = await caller
        requireOwnAudience(asker, presented, signed)
        const details = await tokenDetails(db, presented)
        return { introspection: describe(presented, details), reason: undefined }
      } catch (error) {
        // A fault of the caller takes precedence over a fault of the token.
        await permitted
        if (!(error instanceof OAuthError) || error.code !== 'invalid_token') throw error
        return { introspection: { active: false }, reason: error.message }
      }
    },

    /** The same as a JWT for the caller (RFC 9701 section 5). */
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
  const audiences = [(claims['aud'] ?? []) as string | readonly string[]].flat()
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
  const allowed = allowedScopes(account, loaded.realm)
  const scope = ((claims['scope'] ?? '') as string).split(' ').filter((one) => allowed.includes(one))
  const roles = carriedRoles(claims).filter((role) => account.roles.includes(role))
  const custom = { own: account.claims, ofRealm: loaded.realm.claims }
  return {
    active: true,
    token_type: 'Bearer',
    ...narrowCustomClaims(custom, { roles, scope }, rest),
    // Left out of the answer if nothing remains.
    scope: scope.join(' ') || undefined,
    ...('roles' in claims
      ? { roles }
      : { ...NO_ROLES, ...keycloakRoles(roles), username: rest['preferred_username'] }),
    ...(details.length > 0 && { authorization_details: details }),
  }
}
