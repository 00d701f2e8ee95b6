import { newPortalToken } from '../../crypto/portal-token.ts'
import type { Actor } from '../../domain/actor.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import { ENTERED_SUBJECT } from '../../domain/portal-session.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { findPortalSession } from '../../storage/portal-sessions.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { shareRealmNamed } from '../realms/named-realm.ts'
import { createPortalSession } from './portal-sessions.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'portalSealer' | 'refusals'>

export type EnteredRealms = ReturnType<typeof enteredRealms>

/** How a platform administrator of the portal gets into a realm: by a session there, which its Account Admins see and can end. */
export function enteredRealms(deps: Deps) {
  const { clock, refusals } = deps
  return {
    /**
     * Lets a platform administrator in as Account Admin of a realm. Returns the cookie of the new session.
     * @throws Refusal `forbidden`, `not_found`, `invalid`
     */
    enter(actor: Actor, realmName: string): Promise<string> {
      return refusals.ofChange({ actor, action: 'portal.sign-in', realm: realmName }, async () => {
        requirePlatformAuthority(actor)
        const { credential } = actor
        if (credential?.kind !== 'session')
          throw new Refusal('forbidden', 'Only somebody who is signed in to the portal enters a realm.')
        if (realmName === SYSTEM_REALM) throw new Refusal('invalid', 'You are in that realm.', 'realm')
        const by = { actor, permit: requirePlatformAuthority }
        return inChange(deps, by, async ({ trx, checkVersion }) => {
          checkVersion(null, 'the sessions')
          const realm = await shareRealmNamed(trx, realmName)
          const parent = await findPortalSession(trx, credential.idHash, clock())
          if (!parent) throw new Refusal('forbidden', 'You were signed out meanwhile: sign in again.')
          return createPortalSession({ ...deps, db: trx }, realm, {
            id: newPortalToken(),
            subject: `${ENTERED_SUBJECT}${parent.subject}`,
            displayName: parent.displayName,
            access: 'administer',
            platform: false,
            enteredFrom: { idHash: credential.idHash, expiresAt: parent.expiresAt },
            address: actor.address ?? parent.address,
          })
        })
      })
    },
  }
}
