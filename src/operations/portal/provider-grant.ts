import type { PortalSealer } from '../../crypto/portal-token.ts'
import { accessValues, type Claims, type SingleSignOnSettings } from '../../domain/single-sign-on.ts'
import type { StoredPortalSession } from '../../storage/portal-sessions.ts'
import type { IdentityProvider, ProviderTokens } from './identity-provider.ts'

/** Provider tokens of a session, stored sealed. */
export interface ProviderGrant {
  readonly subject: string
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** When the tokens expire, and with them the claims of the ID token. */
  readonly expiresAt: number
  /** Last values of the access claim. */
  readonly values: readonly string[] | undefined
  /** Whether they came from the userinfo endpoint: if so, a claim that is absent later means a demotion. */
  readonly fromUserInfo: boolean
}

export interface PersonAtProvider {
  readonly realm: string
  readonly subject: string
  readonly settings: SingleSignOnSettings
}

/** Claims about a person, from the provider's tokens and its userinfo endpoint. */
export async function readGrant(
  provider: Pick<IdentityProvider, 'fetchClaims'>,
  { realm, subject, settings }: PersonAtProvider,
  { accessToken, refreshToken, expiresAt, claims }: ProviderTokens,
  before?: ProviderGrant,
): Promise<ProviderGrant & { readonly userInfo: Claims | undefined }> {
  const userInfo = await provider.fetchClaims(realm, accessToken, subject)
  const there = userInfo && accessValues(userInfo, settings)
  const fromUserInfo = there !== undefined || before?.fromUserInfo === true
  const fromIdToken = claims ? accessValues(claims, settings) : before?.values
  return {
    subject,
    accessToken,
    refreshToken: refreshToken ?? before?.refreshToken,
    expiresAt,
    values: fromUserInfo ? there : fromIdToken,
    fromUserInfo,
    userInfo,
  }
}

export function renewedGrant(
  before: ProviderGrant,
  { accessToken, refreshToken = before.refreshToken, expiresAt, claims }: ProviderTokens,
  settings: SingleSignOnSettings,
): ProviderGrant {
  const values = claims ? accessValues(claims, settings) : before.values
  return { ...before, accessToken, refreshToken, expiresAt, values }
}

/** Bound to its session: it opens for no other. */
export function sealGrant(sealer: PortalSealer, idHash: string, grant: ProviderGrant): string {
  const { subject, accessToken, refreshToken, expiresAt, values, fromUserInfo } = grant
  const kept = { subject, accessToken, refreshToken, expiresAt, values, fromUserInfo }
  return sealer.seal(kept, 'provider-grant', idHash)
}

export function openGrant(
  sealer: PortalSealer,
  idHash: string,
  { sealedProviderGrant: sealed }: Pick<StoredPortalSession, 'sealedProviderGrant'>,
): ProviderGrant | undefined {
  if (sealed === undefined) return undefined
  return sealer.open(sealed, 'provider-grant', idHash) as ProviderGrant | undefined
}
