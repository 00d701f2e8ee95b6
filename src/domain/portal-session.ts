import type { Actor } from './actor.ts'
import { type Access, type Authority, PLATFORM_AUTHORITY } from './authority.ts'
import { SYSTEM_REALM } from './realm.ts'

/** A person who is signed in to the portal of one realm. */
export interface PortalSession {
  readonly realm: string
  /** Name of the person in the audit trail. */
  readonly subject: string
  readonly displayName: string
  readonly access: Access
  /** Signed in by a one-time link, not by an identity provider. */
  readonly byLink: boolean
  /** A platform administrator, signed in to realm `system`. */
  readonly platform: boolean
  /** A platform administrator's, who came from the list of realms; it ends with the session there. */
  readonly entered: boolean
}

/** How the subjects of people begin who came by a one-time link; no identity provider's do. */
export const LINK_SUBJECT = 'link of '

/** How those begin who came from realm `system`: another person there may have the same subject. */
export const ENTERED_SUBJECT = 'platform administrator '

/** Subjects that no identity provider may say. */
export function isReservedSubject(subject: string): boolean {
  return subject.startsWith(LINK_SUBJECT) || subject.startsWith(ENTERED_SUBJECT)
}

/** Lifetime of a one-time link until its first use. */
export const LINK_SECONDS = 600

/** Idle timeout. */
export const IDLE_SECONDS = 30 * 60

/** Realms that a browser is signed in to at once: their cookies have to fit in a header. */
export const MAX_REALMS = 10

/** Maximum lifetime of a session. */
export const SESSION_SECONDS = 8 * 3600

/**
 * Makes an actor of a session.
 * @param idHash where to read the session again; absent for one that starts or ends in this request
 */
export function portalActor(
  session: Pick<PortalSession, 'realm' | 'subject' | 'displayName' | 'access' | 'platform'>,
  address: string,
  idHash?: string,
): Actor {
  const { subject, displayName } = session
  const authority = authorityOfSession(session)
  // The subject of a link says for whom it was made.
  const isByLink = subject.replace(ENTERED_SUBJECT, '').startsWith(LINK_SUBJECT)
  const name = isByLink ? {} : { name: displayName }
  const actor = { kind: 'portal', id: subject, address, authority, ...name } as const
  return idHash === undefined ? actor : { ...actor, credential: { kind: 'session', idHash } }
}

/** Authority over the realm of the session, or over all realms. */
export function authorityOfSession({
  realm,
  access,
  platform,
}: Pick<PortalSession, 'realm' | 'access' | 'platform'>): Authority {
  return platform && realm === SYSTEM_REALM && access === 'administer'
    ? PLATFORM_AUTHORITY
    : { platform: false, realm, access }
}
