import { setTimeout as sleep } from 'node:timers/promises'
import type { PortalSession } from '../../domain/portal-session.ts'
import { SignInRefusal } from '../../domain/sign-in-refusal.ts'
import { accessOf, isPlatformAdmin, type RealmSingleSignOn } from '../../domain/single-sign-on.ts'
import type { EndedPortalSession } from '../../storage/ended-portal-sessions.ts'
import { findPortalSession, type StoredPortalSession } from '../../storage/portal-sessions.ts'
import {
  claimProviderRenewal,
  releaseProviderRenewal,
  updateProviderGrant,
} from '../../storage/provider-renewals.ts'
import type { Dependencies } from '../dependencies.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { openGrant, type ProviderGrant, readGrant, renewedGrant, sealGrant } from './provider-grant.ts'

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
        platform: isPlatformAdmin(renewed.values, settingsOf(realm)),
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
      const person = { realm, subject: grant.subject, settings: settingsOf(realm) }
      const found = await readGrant(provider, person, tokens, grant)
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
        const settings = settingsOf(stored.realm)
        const access = accessOf(grant?.values, settings)
        return access && { ...stored, access, platform: isPlatformAdmin(grant?.values, settings) }
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

function isRefused(error: unknown): boolean {
  return error instanceof SignInRefusal && error.code === 'provider_refused'
}
