import { readFile } from 'node:fs/promises'
import * as oidc from 'openid-client'
import type { Clock } from '../../domain/clock.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import type { Claims, RealmSingleSignOn } from '../../domain/single-sign-on.ts'

/** Timeout of a request to a provider. */
const PATIENCE_SECONDS = 5

/** Tokens of a person from the provider. */
export interface ProviderTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Expiry of the access token; of the ID token where the provider gives no expires_in. */
  readonly expiresAt: number
  /** Claims of the ID token; `undefined`: a refresh returned none. */
  readonly claims: Claims | undefined
}

/** State of a sign-in between redirect and callback. */
export interface Attempt {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** The organisation's OpenID provider, as the portal's client uses it. Every failure is a `SignInRefusal`. */
export interface IdentityProvider {
  startAttempt(realm: string, redirectUri: string): Promise<{ url: string; attempt: Attempt }>
  /** @param callback URL of the callback with its query */
  finishAttempt(realm: string, attempt: Attempt, callback: URL): Promise<ProviderTokens>
  /** Current claims of the person; `undefined`: no userinfo endpoint. Throws `provider_refused` for an ended token. */
  fetchClaims(realm: string, accessToken: string, subject: string): Promise<Claims | undefined>
  /** @param subject owner of the tokens; tokens of another subject are refused */
  refresh(realm: string, refreshToken: string, subject: string): Promise<ProviderTokens>
  /** Does nothing if the provider has no revocation endpoint. */
  revoke(realm: string, token: string): Promise<void>
}

export function createIdentityProvider(
  settingsOf: (realm: string) => RealmSingleSignOn,
  clock: Clock,
): IdentityProvider {
  const known = new Map<string, Promise<oidc.Configuration>>()

  /** Cached once found; a failure is not cached. */
  function discovered(realm: string): Promise<oidc.Configuration> {
    const settings = settingsOf(realm)
    const key = JSON.stringify([settings.issuer, settings.clientId, settings.clientSecretFile])
    const made = known.get(key) ?? discover(settings, realm)
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
      asRefusals(realm, async () => {
        requireIssuer(settingsOf(realm), callback)
        return toTokens(
          await oidc.authorizationCodeGrant(await discovered(realm), callback, {
            expectedState: attempt.state,
            expectedNonce: attempt.nonce,
            pkceCodeVerifier: attempt.codeVerifier,
            idTokenExpected: true,
          }),
          clock(),
        )
      }),

    fetchClaims: (realm, accessToken, subject) =>
      asRefusals(realm, async () => {
        const provider = await discovered(realm)
        if (provider.serverMetadata().userinfo_endpoint === undefined) return undefined
        return oidc.fetchUserInfo(provider, accessToken, subject)
      }),

    refresh: (realm, refreshToken, subject) =>
      asRefusals(realm, async () => {
        const tokens = toTokens(await oidc.refreshTokenGrant(await discovered(realm), refreshToken), clock())
        // OpenID Connect Core section 12.2.
        if (tokens.claims && tokens.claims['sub'] !== subject)
          throw new Error('the renewed ID token has another sub')
        return tokens
      }),

    revoke: (realm, token) =>
      asRefusals(realm, async () => {
        const provider = await discovered(realm)
        if (provider.serverMetadata().revocation_endpoint === undefined) return
        await oidc.tokenRevocation(provider, token)
      }),
  }
}

/**
 * RFC 9207 section 2.4: where providers differ by realm, one could send the answer of another. A provider that sends `iss`
 * cannot be mistaken for another; the library compares it.
 */
function requireIssuer({ issuersDiffer }: RealmSingleSignOn, { searchParams }: URL): void {
  if (issuersDiffer && !searchParams.has('iss'))
    throw new Error('the provider sends no iss (RFC 9207): PORTAL_OIDC_ISSUER with {realm} requires it')
}

async function discover(settings: RealmSingleSignOn, realm: string): Promise<oidc.Configuration> {
  const url = new URL(settings.issuer)
  const clientSecret = await clientSecretOf(settings, realm)
  return oidc.discovery(
    url,
    settings.clientId,
    undefined,
    clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret),
    // Only a provider on this machine may use http; the configuration checks that.
    { timeout: PATIENCE_SECONDS, execute: url.protocol === 'http:' ? [oidc.allowInsecureRequests] : [] },
  )
}

async function clientSecretOf(
  { clientSecret, clientSecretFile }: RealmSingleSignOn,
  realm: string,
): Promise<string | undefined> {
  if (clientSecretFile === undefined) return clientSecret
  const file = `PORTAL_OIDC_CLIENT_SECRET_FILE ${clientSecretFile}`
  const text = await readFile(clientSecretFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SignInRefusal('not_set_up', realm, `${file} cannot be read: ${error.code}`)
  })
  if (text.trim() === '') throw new SignInRefusal('not_set_up', realm, `${file} is empty`)
  return text.trim()
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
    if (error instanceof SignInRefusal) throw error
    throw new SignInRefusal(isAway(error) ? 'provider_away' : 'provider_refused', realm, describe(error))
  }
}

function isAway(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return (
    code === 'OAUTH_TIMEOUT' ||
    (cause instanceof Response && cause.status >= 500) ||
    // fetch throws a TypeError without a code when there is no answer: its cause says why.
    (error instanceof TypeError && code === undefined && cause instanceof Error)
  )
}

// Only these members of the error: others hold tokens.
function describe(error: unknown): string {
  const { message, code, error: refusal, status, cause } = error as Error & Record<string, unknown>
  const challenge = Array.isArray(cause) ? cause[0]?.parameters?.error : undefined
  const network = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return [message, code, status, refusal, challenge, network].filter((part) => part !== undefined).join(' · ')
}
