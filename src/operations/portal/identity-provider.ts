import * as oidc from 'openid-client'
import type { Clock } from '../../domain/clock.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import type { Claims, SingleSignOnSettings } from '../../domain/single-sign-on.ts'

/** A provider that says nothing for this long counts as away. */
const PATIENCE_SECONDS = 5

/** What a provider gave for somebody. */
export interface ProviderTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** When the access token ends; the ID token where the provider does not say that of the other. */
  readonly expiresAt: number
  /** Claims of the ID token; `undefined`: a refresh without one. */
  readonly claims: Claims | undefined
}

/** On the way to the provider and back. */
export interface Attempt {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** The company's OpenID provider as the portal's client sees it. Whatever goes wrong is a `SignInRefusal`. */
export interface IdentityProvider {
  startAttempt(realm: string, redirectUri: string): Promise<{ url: string; attempt: Attempt }>
  /** @param callback where the browser came back to, with what the provider put there */
  finishAttempt(realm: string, attempt: Attempt, callback: URL): Promise<ProviderTokens>
  /** What it says of them now; `undefined`: it has no such endpoint. Throws `provider_refused` for an ended token. */
  fetchClaims(realm: string, accessToken: string, subject: string): Promise<Claims | undefined>
  refresh(realm: string, refreshToken: string): Promise<ProviderTokens>
}

export function createIdentityProvider(
  settingsOf: (realm: string) => SingleSignOnSettings,
  clock: Clock,
): IdentityProvider {
  const known = new Map<string, Promise<oidc.Configuration>>()

  /** Kept once it was found; a failure is not. */
  function discovered(realm: string): Promise<oidc.Configuration> {
    const settings = settingsOf(realm)
    const key = JSON.stringify([settings.issuer, settings.clientId])
    const made = known.get(key) ?? discover(settings)
    known.set(key, made)
    made.catch(() => known.delete(key))
    return made
  }

  return {
    startAttempt: (realm, redirectUri) =>
      asRefusals(realm, async () => {
        const provider = await discovered(realm)
        const attempt = {
          state: oidc.randomState(),
          nonce: oidc.randomNonce(),
          codeVerifier: oidc.randomPKCECodeVerifier(),
        }
        const url = oidc.buildAuthorizationUrl(provider, {
          redirect_uri: redirectUri,
          scope: settingsOf(realm).scope,
          state: attempt.state,
          nonce: attempt.nonce,
          code_challenge: await oidc.calculatePKCECodeChallenge(attempt.codeVerifier),
          code_challenge_method: 'S256',
        })
        return { url: url.href, attempt }
      }),

    finishAttempt: (realm, attempt, callback) =>
      asRefusals(realm, async () =>
        toTokens(
          await oidc.authorizationCodeGrant(await discovered(realm), callback, {
            expectedState: attempt.state,
            expectedNonce: attempt.nonce,
            pkceCodeVerifier: attempt.codeVerifier,
            idTokenExpected: true,
          }),
          clock(),
        ),
      ),

    fetchClaims: (realm, accessToken, subject) =>
      asRefusals(realm, async () => {
        const provider = await discovered(realm)
        if (provider.serverMetadata().userinfo_endpoint === undefined) return undefined
        return oidc.fetchUserInfo(provider, accessToken, subject)
      }),

    refresh: (realm, refreshToken) =>
      asRefusals(realm, async () =>
        toTokens(await oidc.refreshTokenGrant(await discovered(realm), refreshToken), clock()),
      ),
  }
}

function discover({ issuer, clientId, clientSecret }: SingleSignOnSettings): Promise<oidc.Configuration> {
  const url = new URL(issuer)
  return oidc.discovery(
    url,
    clientId,
    undefined,
    clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret),
    // Only a provider on this machine is let to speak http: the settings are checked for that.
    { timeout: PATIENCE_SECONDS, execute: url.protocol === 'http:' ? [oidc.allowInsecureRequests] : [] },
  )
}

type TokenAnswer = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers

function toTokens(answer: TokenAnswer, now: Date): ProviderTokens {
  const claims = answer.claims()
  const lifetimeSeconds = answer.expires_in ?? (claims ? claims.exp - claims.iat : 0)
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresAt: now.getTime() + lifetimeSeconds * 1000,
    claims,
  }
}

async function asRefusals<T>(realm: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw new SignInRefusal(isAway(error) ? 'provider_away' : 'provider_refused', realm, describe(error))
  }
}

function isAway(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return (
    code === 'OAUTH_TIMEOUT' ||
    (cause instanceof Response && cause.status >= 500) ||
    // What fetch throws when nobody answers.
    (error instanceof TypeError && error.message === 'fetch failed')
  )
}

// Only what the provider and the library say of the error itself: what else hangs on it holds tokens.
function describe(error: unknown): string {
  const { message, code, error: refusal, status, cause } = error as Error & Record<string, unknown>
  const challenge = Array.isArray(cause) ? cause[0]?.parameters?.error : undefined
  const network = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return [message, code, status, refusal, challenge, network].filter((part) => part !== undefined).join(' · ')
}
