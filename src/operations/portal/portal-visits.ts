import { fingerprint } from '../../crypto/fingerprint.ts'
import { done } from '../../domain/audit-event.ts'
import { authorityOfSession, type PortalSession, portalActor } from '../../domain/portal-session.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { inTransaction } from '../../storage/database.ts'
import {
  endPortalSession,
  findPortalSession,
  SEEN_RESOLUTION_SECONDS,
  type StoredPortalSession,
  updatePortalSessionSeen,
} from '../../storage/portal-sessions.ts'
import type { Dependencies } from '../dependencies.ts'
import { type BrowserSession, type BrowserSessions, sealCookie } from './browser-sessions.ts'
import type { ProviderGrants } from './provider-grants.ts'

/** One request of a person who is signed in. */
export interface PortalVisit {
  readonly session: PortalSession
  readonly idHash: string
  /** Time of the request. */
  readonly now: Date
  /** CSRF token: every form carries it, and no other site can know it. */
  readonly formToken: string
  /** The cookie with the time of this request, to be set again. */
  readonly cookie: string
  /** The same of the session that this one was entered from, if the browser has it. */
  readonly parentCookie: string | undefined
  /** All live sessions of the browser, this one among them. */
  readonly sessions: readonly BrowserSession[]
}

/** What somebody typed whose session had ended. */
export interface SealedDraft {
  readonly realm: string
  readonly page: string
  readonly action: string
  readonly fields: string
}

/** How long typed text is kept until the person signs in again. */
const DRAFT_SECONDS = 3600

type Deps = Pick<Dependencies, 'db' | 'clock' | 'portalSealer'>

export type PortalVisits = ReturnType<typeof portalVisits>

export function portalVisits(
  { db, clock, portalSealer }: Deps,
  grants: Pick<ProviderGrants, 'renew'>,
  { list }: Pick<BrowserSessions, 'list'>,
) {
  /** The provider ended the session, or that which it was entered from. */
  async function end(idHash: string, stored: StoredPortalSession): Promise<void> {
    const now = clock()
    const actor = portalActor(stored, stored.address)
    const by = stored.entered ? 'end of the session in realm system' : 'identity provider'
    const event = done(actor, 'portal.session-end', stored.subject, { by })
    await inTransaction(db, async (trx) => {
      if (!(await endPortalSession(trx, idHash, now))) return
      await insertAuditEvent(trx, { id: stored.realmId, name: stored.realm }, event, now)
    })
  }

  async function see(idHash: string, { seenAt }: StoredPortalSession, now: Date): Promise<void> {
    if (now.getTime() - seenAt.getTime() >= SEEN_RESOLUTION_SECONDS * 1000)
      await updatePortalSessionSeen(db, idHash, now)
  }

  /** An entered session is one as long as the person is a platform administrator, also by the identity provider. */
  async function renewEntered(stored: StoredPortalSession, now: Date): Promise<PortalSession | undefined> {
    const { enteredBy } = stored
    const parent = enteredBy === undefined ? undefined : await findPortalSession(db, enteredBy, now)
    if (!parent || enteredBy === undefined) return undefined
    const renewed = await grants.renew(enteredBy, parent)
    if (!renewed || !authorityOfSession(renewed).platform) return undefined
    await see(enteredBy, parent, now)
    return stored
  }

  return {
    /** For the browser to keep until somebody has signed in again. */
    sealDraft(draft: SealedDraft): string {
      return portalSealer.seal({ ...draft, keptAt: clock().getTime() }, 'draft')
    },

    /** `undefined`: not one of ours, or too old. */
    openDraft(sealed: string): SealedDraft | undefined {
      const draft = portalSealer.open(sealed, 'draft') as (SealedDraft & { keptAt: number }) | undefined
      const isOld = !draft || clock().getTime() - draft.keptAt > DRAFT_SECONDS * 1000
      return isOld ? undefined : draft
    },

    /**
     * The visit to a realm that one of a browser's cookies is of, by the session's row as it is now and by what the
     * identity provider says now. `undefined`: there is no session in the realm.
     * @throws SignInRefusal `provider_away`
     */
    async find(cookies: Iterable<string>, realm: string): Promise<PortalVisit | undefined> {
      const now = clock()
      const sessions = await list(cookies)
      const own = sessions.find(({ stored }) => stored.realm === realm)
      if (!own) return undefined
      const { id, idHash, stored } = own
      const session = stored.entered ? await renewEntered(stored, now) : await grants.renew(idHash, stored)
      if (!session) {
        await end(idHash, stored)
        return undefined
      }
      await see(idHash, stored, now)
      const cookie = sealCookie(portalSealer, id, realm, now)
      const parent = sessions.find((one) => one.idHash === stored.enteredBy)
      const parentCookie = parent && sealCookie(portalSealer, parent.id, parent.stored.realm, now)
      return { session, idHash, now, formToken: fingerprint(`form ${id}`), cookie, parentCookie, sessions }
    },
  }
}
