import { setTimeout as sleep } from 'node:timers/promises'
import type { PortalSealer } from '../../crypto/portal-token.ts'
import type { PortalSession } from '../../domain/portal-session.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import {
  accessOf,
  accessValues,
  type Claims,
  type RealmSingleSignOn,
  type SingleSignOnSettings,
} from '../../domain/single-sign-on.ts'
import {
  type EndedPortalSession,
  findPortalSession,
  type StoredPortalSession,
} from '../../storage/portal-sessions.ts'
import {
  claimProviderRenewal,
  releaseProviderRenewal,
  updateProviderGrant,
} from '../../storage/provider-renewals.ts'
import type { Dependencies } from '../dependencies.ts'
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

export interface ProviderGrants {
  /** The session as the provider confirms it now; `undefined`: it has ended. */
  renew(idHash: string, stored: StoredPortalSession): Promise<PortalSession | undefined>
  /** Revokes the tokens of an ended session, if the provider has a revocation endpoint. */
  revoke(ended: EndedPortalSession): Promise<void>
}

/** Sessions from a link have no provider. */
export const NO_PROVIDER_GRANTS: ProviderGrants = {
  renew: async (_idHash, stored) => (stored.sealedProviderGrant === undefined ? stored : undefined),
  revoke: async () => {},
}

/** Longer than all requests of one renewal together. */
const CLAIM_SECONDS = 30

/** How often, and how many times, to check whether another process has renewed the tokens. */
const LOOK_MILLISECONDS = 100
const LOOKS = 60

export function createProviderGrants(
  { db, clock, portalSealer }: Pick<Dependencies, 'db' | 'clock' | 'portalSealer'>,
  provider: IdentityProvider,
  settingsOf: (realm: string) => RealmSingleSignOn,
): ProviderGrants {
  /** Concurrent requests of a session share one renewal. */
  const underway = new Map<string, Promise<void>>()

  function renewTokens(idHash: string, stored: StoredPortalSession, grant: ProviderGrant): Promise<void> {
    const renewal = underway.get(idHash) ?? claimAndRenew(idHash, stored, grant)
    underway.set(idHash, renewal)
    return renewal.finally(() => underway.delete(idHash))
  }

  /** A refresh token may be valid for one use: one process uses it, and the others wait for the result. */
  async function claimAndRenew(
    idHash: string,
    stored: StoredPortalSession,
    grant: ProviderGrant,
  ): Promise<void> {
    const { realm, sealedProviderGrant: before = '' } = stored
    const { refreshToken } = grant
    if (refreshToken === undefined)
      throw new SignInRefusal('provider_refused', realm, 'the tokens have ended; there is no refresh token')
    for (let looks = 0; !(await claimProviderRenewal(db, idHash, before, CLAIM_SECONDS)); looks++) {
      const now = await findPortalSession(db, idHash, clock())
      if (now?.sealedProviderGrant !== before) return
      if (looks === LOOKS)
        throw new SignInRefusal('provider_away', realm, 'another process still waits for the provider')
      await sleep(LOOK_MILLISECONDS)
    }
    try {
      const renewed = renewedGrant(
        grant,
        await provider.refresh(realm, refreshToken, grant.subject),
        settingsOf(realm),
      )
      await updateProviderGrant(db, idHash, before, {
        access: accessOf(renewed.values, settingsOf(realm)) ?? stored.access,
        sealedProviderGrant: sealGrant(portalSealer, idHash, renewed),
      })
    } catch (error) {
      await releaseProviderRenewal(db, idHash)
      throw error
    }
  }

  /** What the provider says for the current tokens; `undefined`: they have ended. */
  async function read(realm: string, grant: ProviderGrant): Promise<ProviderGrant | undefined> {
    try {
      const tokens = { ...grant, claims: undefined }
      const found = await readGrant(provider, realm, settingsOf(realm), grant.subject, tokens, grant)
      // Without a userinfo endpoint, only their expiry says that the tokens have ended.
      return found.userInfo || clock().getTime() < grant.expiresAt ? found : undefined
    } catch (error) {
      if (!isRefused(error)) throw error
      return undefined
    }
  }

  /** Uses the current tokens, else refreshed ones. */
  async function current(idHash: string, stored: StoredPortalSession): Promise<ProviderGrant | undefined> {
    const { realm } = stored
    const grant = openGrant(portalSealer, idHash, stored)
    const found = grant && (await read(realm, grant))
    if (!grant || found) return found
    await renewTokens(idHash, stored, grant)
    const again = await findPortalSession(db, idHash, clock())
    const renewed = again && openGrant(portalSealer, idHash, again)
    return renewed && read(realm, renewed)
  }

  return {
    async renew(idHash, stored) {
      if (stored.sealedProviderGrant === undefined) return stored
      try {
        const grant = await current(idHash, stored)
        const access = accessOf(grant?.values, settingsOf(stored.realm))
        return access && { ...stored, access }
      } catch (error) {
        if (!isRefused(error)) throw error
        return undefined
      }
    },

    async revoke({ idHash, realm, sealedProviderGrant }) {
      const grant = openGrant(portalSealer, idHash, { sealedProviderGrant })
      if (grant) await provider.revoke(realm, grant.refreshToken ?? grant.accessToken)
    },
  }
}

/** Claims about a person, from the provider's tokens and its userinfo endpoint. */
export async function readGrant(
  provider: IdentityProvider,
  realm: string,
  settings: SingleSignOnSettings,
  subject: string,
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

function renewedGrant(
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

function openGrant(
  sealer: PortalSealer,
  idHash: string,
  { sealedProviderGrant: sealed }: Pick<StoredPortalSession, 'sealedProviderGrant'>,
): ProviderGrant | undefined {
  if (sealed === undefined) return undefined
  return sealer.open(sealed, 'provider-grant', idHash) as ProviderGrant | undefined
}

function isRefused(error: unknown): boolean {
  return error instanceof SignInRefusal && error.code === 'provider_refused'
}
