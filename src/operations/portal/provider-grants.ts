import { type Sealer, WrongMasterKeyError } from '../../crypto/sealing.ts'
import type { PortalSession } from '../../domain/portal-session.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import {
  accessOf,
  accessValues,
  type Claims,
  type SingleSignOnSettings,
} from '../../domain/single-sign-on.ts'
import { type StoredPortalSession, updatePortalSession } from '../../storage/portal-sessions.ts'
import type { Dependencies } from '../dependencies.ts'
import type { IdentityProvider, ProviderTokens } from './identity-provider.ts'

/** What a session keeps, sealed, of what its identity provider gave. */
export interface ProviderGrant {
  readonly subject: string
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** When the tokens end, and with them what the ID token said. */
  readonly expiresAt: number
  /** What the access claim said last. */
  readonly values: readonly string[] | undefined
  /** Whether that came from the userinfo endpoint: a claim that is not there any more then means a demotion. */
  readonly fromUserInfo: boolean
}

export interface ProviderGrants {
  /** The session as the provider would have it now; `undefined`: it is over. */
  renew(idHash: string, stored: StoredPortalSession): Promise<PortalSession | undefined>
}

/** Sessions that came by a link have no provider to ask. */
export const NO_PROVIDER_GRANTS: ProviderGrants = {
  renew: async (_idHash, stored) => (stored.sealedProviderGrant === undefined ? stored : undefined),
}

export function createProviderGrants(
  { db, clock, portalSealer }: Pick<Dependencies, 'db' | 'clock' | 'portalSealer'>,
  provider: IdentityProvider,
  settingsOf: (realm: string) => SingleSignOnSettings,
): ProviderGrants {
  /** A refresh token may be good for one use: the clicks of one moment share it. */
  const refreshing = new Map<string, Promise<ProviderGrant>>()

  async function refresh(idHash: string, realm: string, grant: ProviderGrant): Promise<ProviderGrant> {
    if (grant.refreshToken === undefined)
      throw new SignInRefusal(
        'provider_refused',
        realm,
        'the access token has ended and there is no refresh token',
      )
    const tokens = await provider.refresh(realm, grant.refreshToken)
    const refreshed = await readGrant(provider, realm, settingsOf(realm), grant.subject, tokens, grant)
    await keep(idHash, realm, refreshed)
    return refreshed
  }

  async function keep(idHash: string, realm: string, grant: ProviderGrant): Promise<void> {
    const access = accessOf(grant.values, settingsOf(realm))
    if (access === undefined) return
    await updatePortalSession(db, idHash, {
      access,
      sealedProviderGrant: sealGrant(portalSealer, realm, grant),
    })
  }

  async function current(idHash: string, realm: string, grant: ProviderGrant): Promise<ProviderGrant> {
    try {
      const tokens = { ...grant, claims: undefined }
      const read = await readGrant(provider, realm, settingsOf(realm), grant.subject, tokens, grant)
      // Where there is no userinfo endpoint, nobody else says that the tokens have ended.
      if (read.userInfo || clock().getTime() < grant.expiresAt) return read
    } catch (error) {
      if (!isRefused(error)) throw error
    }
    const underway = refreshing.get(idHash) ?? refresh(idHash, realm, grant)
    refreshing.set(idHash, underway)
    return underway.finally(() => refreshing.delete(idHash))
  }

  return {
    async renew(idHash, stored) {
      if (stored.sealedProviderGrant === undefined) return stored
      const { realm } = stored
      const grant = openGrant(portalSealer, realm, stored.sealedProviderGrant)
      if (!grant) return undefined
      try {
        const access = accessOf((await current(idHash, realm, grant)).values, settingsOf(realm))
        return access && { ...stored, access }
      } catch (error) {
        if (!isRefused(error)) throw error
        return undefined
      }
    },
  }
}

/** What the provider's tokens, and its userinfo endpoint, say of somebody. */
export async function readGrant(
  provider: IdentityProvider,
  realm: string,
  { accessClaim }: SingleSignOnSettings,
  subject: string,
  { accessToken, refreshToken, expiresAt, claims }: ProviderTokens,
  before?: ProviderGrant,
): Promise<ProviderGrant & { readonly userInfo: Claims | undefined }> {
  const userInfo = await provider.fetchClaims(realm, accessToken, subject)
  const there = userInfo && accessValues(userInfo, accessClaim)
  const fromUserInfo = there !== undefined || before?.fromUserInfo === true
  const fromIdToken = claims ? accessValues(claims, accessClaim) : before?.values
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

export function sealGrant(sealer: Sealer, realm: string, grant: ProviderGrant): string {
  const { subject, accessToken, refreshToken, expiresAt, values, fromUserInfo } = grant
  const kept = { subject, accessToken, refreshToken, expiresAt, values, fromUserInfo }
  return sealer.seal(Buffer.from(JSON.stringify(kept)), grantContext(realm))
}

/** `undefined` for what was not sealed for it: the person signs in again. */
function openGrant(sealer: Sealer, realm: string, sealed: string): ProviderGrant | undefined {
  try {
    return JSON.parse(Buffer.from(sealer.open(sealed, grantContext(realm))).toString()) as ProviderGrant
  } catch (error) {
    if (!(error instanceof WrongMasterKeyError)) throw error
    return undefined
  }
}

function grantContext(realm: string): string {
  return `portal_sessions provider grant ${realm}`
}

function isRefused(error: unknown): boolean {
  return error instanceof SignInRefusal && error.code === 'provider_refused'
}
